// What waits to be written: records as bytes, in pieces, each with what is in it. Bounded.

import { copyBytes } from "../bytes.ts";
import { type OpenBlock, openBlock } from "./block.ts";
import type { Route } from "../message.ts";
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
    route: Route,
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
const END = encoder.encode(RECORD_TAIL);
const ZERO = 0x30, NINE = 0x39;

/** What stands before a record's message, the number in it counted up in place. */
interface Head {
  bytes: Uint8Array;
  /** Where the number's last digit is. */
  lastDigit: number;
  seq: number;
}

function headOf(seq: number, middle: string): Head {
  const start = `${RECORD_HEAD}${seq}`;
  return { bytes: encoder.encode(start + middle), lastDigit: start.length - 1, seq };
}

/** Whether it could be made that of the next number. */
function countUp(head: Head): boolean {
  const { bytes } = head;
  for (let at = head.lastDigit; at >= RECORD_HEAD.length; at--) {
    if (bytes[at] !== NINE) {
      bytes[at] = (bytes[at] ?? 0) + 1;
      head.seq++;
      return true;
    }
    bytes[at] = ZERO;
  }
  return false; // it has one digit more
}

/**
 * Makes a group that holds at most so many bytes.
 *
 * @param options.pieceBytes How large a piece is.
 * @param options.largestBytes How large one behind others is: each write waits for a turn of the event
 * loop. A long record has a piece of its own.
 */
export function createGroup(
  { maxBytes, pieceBytes, largestBytes }: {
    maxBytes: number;
    pieceBytes: number;
    largestBytes: number;
  },
): Group {
  let pieces: Piece[] = [];
  const sizes = [pieceBytes, largestBytes];
  const spare: Piece[][] = sizes.map(() => []);
  let bytes = 0;
  let since: number | undefined;
  let lastMs = NaN;
  let atSec = 0;
  /** It is the same for all messages of a millisecond. */
  let middle = "";
  let head = headOf(0, middle);

  function pieceFor(most: number): Piece {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + most <= last.bytes.length) return last;
    const size = pieces.length === 0 ? 0 : 1;
    const used = most <= pieceBytes ? spare[size]?.pop() : undefined;
    const bytes = used?.bytes ?? new Uint8Array(Math.max(sizes[size] ?? 0, most));
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
    add(seq, atMs, route, from, begin, end, tail) {
      const isSameMs = atMs === lastMs;
      if (!isSameMs) {
        lastMs = atMs;
        atSec = atMs / 1000;
        middle = recordMiddle(atSec);
      }
      if (!isSameMs || head.seq + 1 !== seq || !countUp(head)) head = headOf(seq, middle);
      const length = end - begin;
      const size = head.bytes.length + length + tail.length + END.length;
      if (bytes + size > maxBytes && bytes > 0) return false;
      const piece = pieceFor(size);
      const { bytes: to, view } = piece;
      let at = piece.length;
      copyBytes(head.bytes, 0, head.bytes.length, to, view, at);
      at += head.bytes.length;
      copyBytes(from, begin, end, to, view, at);
      at += length;
      copyBytes(tail, 0, tail.length, to, view, at);
      at += tail.length;
      for (let i = 0; i < END.length; i++) to[at++] = END[i] ?? 0;
      piece.length = at;
      piece.summary.add(seq, atSec, route);
      piece.lastSeq = seq;
      bytes += size;
      since ??= atMs;
      return true;
    },
    take() {
      const taken = pieces;
      pieces = [];
      // Nothing has waited behind others: there is no need of so much memory any more.
      if (taken.length === 1) spare.at(-1)?.splice(0);
      bytes = 0;
      since = undefined;
      return taken;
    },
    free(piece) {
      const list = spare[sizes.indexOf(piece.bytes.length)];
      // More than half of what may wait is rare.
      if (list !== undefined && (list.length + 1) * piece.bytes.length <= maxBytes / 2) {
        list.push(piece);
      }
    },
    putBack(back, sinceMs) {
      if (back.length === 0) return;
      pieces = [...back, ...pieces];
      bytes += back.reduce((sum, piece) => sum + piece.length, 0);
      since = sinceMs;
    },
  };
}
