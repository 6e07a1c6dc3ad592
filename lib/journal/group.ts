// What waits to be written: records as bytes, in pieces, each with what is in it. Bounded.

import { type OpenBlock, openBlock } from "./block.ts";
import type { Envelope } from "./query.ts";
import { RECORD_TAIL, recordHead } from "./record.ts";

/** Some records, as they go into the file. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
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
  /** Adds one; `false`: it is full, and the record is not in it. */
  add(seq: number, atMs: number, text: string | Uint8Array, envelope: Envelope): boolean;
  /** Takes out all that waits. */
  take(): Piece[];
  /** Puts back what was taken out and could not be written, in front. */
  putBack(pieces: readonly Piece[], sinceMs: number): void;
}

const encoder = new TextEncoder();
const TAIL = encoder.encode(RECORD_TAIL);

/** Makes a group that holds at most so many bytes, in pieces of this size; a long record has its own. */
export function createGroup(maxBytes: number, pieceBytes: number): Group {
  let pieces: Piece[] = [];
  let bytes = 0;
  let since: number | undefined;
  let lastMs = NaN;
  let at = 0;

  function pieceFor(most: number): Piece {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + most <= last.bytes.length) return last;
    const piece: Piece = {
      bytes: new Uint8Array(Math.max(pieceBytes, most)),
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
    add(seq, atMs, text, envelope) {
      if (atMs !== lastMs) {
        lastMs = atMs;
        at = atMs / 1000;
      }
      const message = typeof text === "string" ? encoder.encode(text) : text;
      const head = recordHead(seq, at);
      const size = head.length + message.length + TAIL.length;
      if (bytes + size > maxBytes && bytes > 0) return false;
      const piece = pieceFor(size);
      const before = piece.length;
      const { bytes: to } = piece;
      // It is ASCII; the encoder would need an object for the stretch.
      for (let i = 0; i < head.length; i++) to[before + i] = head.charCodeAt(i);
      to.set(message, before + head.length);
      to.set(TAIL, before + head.length + message.length);
      piece.length += size;
      piece.summary.add(seq, at, envelope);
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
    putBack(back, sinceMs) {
      if (back.length === 0) return;
      pieces = [...back, ...pieces];
      bytes += back.reduce((sum, piece) => sum + piece.length, 0);
      since = sinceMs;
    },
  };
}
