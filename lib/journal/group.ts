// What waits to be written: records as bytes, in pieces, each with what is in it. Bounded.

import { copyBytes } from "../bytes.ts";
import { type OpenBlock, openBlock } from "./block.ts";
import type { Envelope } from "./query.ts";
import { RECORD_HEAD, RECORD_TAIL, recordMiddle } from "./record.ts";

/** Some records, as they go into the file. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes, for four of them at a time. */
  readonly view: DataView;
  length: number;
  readonly summary: OpenBlock;
  lastSeq: number;
}

/** Records that wait to be written. */
export interface Group {
  /** Bytes that wait. */
  readonly bytes: number;
  /** Time of the oldest that waits, in milliseconds; `undefined`: none waits. */
  readonly since: number | undefined;
  /**
   * Adds one, whose message is the bytes from `begin` to `end` and those of `tail` behind them;
   * `false`: it is full, and the record is not in it.
   */
  add(
    seq: number,
    atMs: number,
    envelope: Envelope,
    bytes: Uint8Array,
    begin: number,
    end: number,
    tail: Uint8Array,
  ): boolean;
  /** Takes out all that waits. */
  take(): Piece[];
  /** Puts back what was taken out and could not be written, in front. */
  putBack(pieces: readonly Piece[], sinceMs: number): void;
  /** It is written: its memory can be used again. */
  free(piece: Piece): void;
}

const encoder = new TextEncoder();
const HEAD = encoder.encode(RECORD_HEAD);
const TAIL = encoder.encode(RECORD_TAIL);
/** Pieces kept to be used again. */
const MAX_SPARE = 64;
/** More than a number has digits. */
const MAX_DIGITS = 17;

/** Copies a few bytes, without an object for them; returns behind them. */
function put(bytes: Uint8Array, to: Uint8Array, at: number): number {
  for (let i = 0; i < bytes.length; i++) to[at++] = bytes[i] ?? 0;
  return at;
}

/** Writes a whole number; returns behind it. */
function putNumber(value: number, to: Uint8Array, at: number): number {
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
  for (let i = end - 1, rest = value; i >= at; i--) {
    const tens = Math.floor(rest / 10);
    to[i] = 0x30 + rest - 10 * tens;
    rest = tens;
  }
  return end;
}

/** Makes a group that holds at most so many bytes, in pieces of this size; a long record has its own. */
export function createGroup(maxBytes: number, pieceBytes: number): Group {
  let pieces: Piece[] = [];
  const spare: Piece[] = [];
  let bytes = 0;
  let since: number | undefined;
  let lastMs = NaN;
  let atSec = 0;
  /** It is the same for all messages of a millisecond. */
  let middle = TAIL;

  function pieceFor(most: number): Piece {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + most <= last.bytes.length) return last;
    const used = most <= pieceBytes ? spare.pop() : undefined;
    const bytes = used?.bytes ?? new Uint8Array(Math.max(pieceBytes, most));
    const piece: Piece = {
      bytes,
      view: used?.view ?? new DataView(bytes.buffer),
      length: 0,
      summary: openBlock(0),
      lastSeq: 0,
    };
    pieces.push(piece);
    return piece;
  }

  return {
    get bytes() {
      return bytes;
    },
    get since() {
      return since;
    },
    add(seq, atMs, envelope, from, begin, end, tail) {
      if (atMs !== lastMs) {
        lastMs = atMs;
        atSec = atMs / 1000;
        middle = encoder.encode(recordMiddle(atSec));
      }
      const length = end - begin;
      const most = HEAD.length + MAX_DIGITS + middle.length + length + tail.length + TAIL.length;
      if (bytes + most > maxBytes && bytes > 0) return false;
      const piece = pieceFor(most);
      const before = piece.length;
      const { bytes: to, view } = piece;
      const at = put(middle, to, putNumber(seq, to, put(HEAD, to, before)));
      copyBytes(from, begin, end, to, view, at);
      copyBytes(tail, 0, tail.length, to, view, at + length);
      piece.length = put(TAIL, to, at + length + tail.length);
      piece.summary.add(seq, atSec, envelope);
      piece.lastSeq = seq;
      bytes += piece.length - before;
      since ??= atMs;
      return true;
    },
    take() {
      const taken = pieces;
      pieces = [];
      bytes = 0;
      since = undefined;
      return taken;
    },
    free(piece) {
      if (piece.bytes.length === pieceBytes && spare.length < MAX_SPARE) spare.push(piece);
    },
    putBack(back, sinceMs) {
      if (back.length === 0) return;
      pieces = [...back, ...pieces];
      bytes += back.reduce((sum, piece) => sum + piece.length, 0);
      since = sinceMs;
    },
  };
}
