// What waits to be written: records as bytes, in pieces, each with what is in it. Bounded.

import { copyBytes } from "../bytes.ts";
import type { Route } from "../message.ts";
import { BlockNames, type Contents } from "./block.ts";
import type { Checksum } from "./checksum.ts";
import { encodeMark } from "./record.ts";

/** Memory for a piece. */
interface Room {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes, for eight of them at a time. */
  readonly view: DataView;
}

/** Some records, as they go into the file: the first line is a mark. */
export class Piece implements Contents {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly names: BlockNames = new BlockNames();
  readonly firstSeq: number;
  length = 0;
  count = 0;
  lastSeq = 0;
  minAt = Infinity;
  maxAt = -Infinity;
  /** The checksum of its first bytes, and how many they are. */
  sum = 0;
  summed = 0;

  constructor({ bytes, view }: Room, firstSeq: number) {
    this.bytes = bytes;
    this.view = view;
    this.firstSeq = firstSeq;
  }

  /** From now on the checksum is that of all its bytes. */
  sumUp(checksum: Checksum): void {
    if (this.summed === this.length) return;
    this.sum = checksum(this.bytes.subarray(this.summed, this.length), this.sum);
    this.summed = this.length;
  }
}

/** Options of {@linkcode Group}. */
export interface GroupOptions {
  /** It holds at most so many bytes. */
  readonly maxBytes: number;
  /** How large a piece is. A long record has a piece of its own. */
  readonly pieceBytes: number;
  /** How large one behind others is: each write waits for a turn of the event loop. */
  readonly largestBytes: number;
}

const encoder = new TextEncoder();
const NEWLINE = 10;
/** The checksum takes so much at once: what is still in the processor's cache costs it a fifth. */
const SUM_BYTES = 64 * 1024;

/** Records that wait to be written. A class, as its fields are looked at for each message. */
export class Group {
  /** Bytes that wait. */
  bytes = 0;
  /** Time of the oldest that waits, in milliseconds; `undefined`: none waits. */
  since: number | undefined;
  /** With it pieces are summed up as they grow; without it, they are not yet when they are taken. */
  checksum: Checksum | undefined;
  readonly #maxBytes: number;
  /** Of a first piece, and of one behind others. */
  readonly #sizes: readonly [number, number];
  readonly #spare: readonly [Room[], Room[]] = [[], []];
  #pieces: Piece[] = [];
  /** The last of them. */
  #last: Piece | undefined;
  /** What the last mark says: the message at hand needs one of its own if it does not follow on. */
  #nextSeq = NaN;
  #lastMs = NaN;

  constructor({ maxBytes, pieceBytes, largestBytes }: GroupOptions) {
    this.#maxBytes = maxBytes;
    this.#sizes = [pieceBytes, largestBytes];
  }

  /**
   * Adds one, whose message is the bytes from `begin` to `end` and those of `tail` behind them; returns
   * the piece that now ends with it. `undefined`: it is full, and the record is not in it.
   */
  add(
    seq: number,
    atMs: number,
    route: Route,
    from: Uint8Array,
    begin: number,
    end: number,
    tail: Uint8Array,
  ): Piece | undefined {
    const length = end - begin;
    const size = length + tail.length + 1;
    let piece = this.#last;
    if (
      piece === undefined || seq !== this.#nextSeq || atMs !== this.#lastMs ||
      piece.length + size > piece.bytes.length || this.bytes + size > this.#maxBytes
    ) {
      piece = this.#withMark(seq, atMs, size);
      if (piece === undefined) return undefined;
    }
    const { bytes, view, length: at } = piece;
    copyBytes(from, begin, end, bytes, view, at);
    copyBytes(tail, 0, tail.length, bytes, view, at + length);
    bytes[at + size - 1] = NEWLINE;
    piece.length = at + size;
    piece.count++;
    piece.lastSeq = seq;
    piece.names.add(route);
    this.bytes += size;
    this.#nextSeq = seq + 1;
    if (piece.length - piece.summed > SUM_BYTES && this.checksum !== undefined) {
      piece.sumUp(this.checksum);
    }
    return piece;
  }

  /** Takes out all that waits. */
  take(): Piece[] {
    const taken = this.#pieces;
    this.#pieces = [];
    this.#last = undefined;
    // Nothing has waited behind others: there is no need of so much memory any more.
    if (taken.length === 1) this.#spare[1].splice(0);
    this.bytes = 0;
    this.since = undefined;
    return taken;
  }

  /** Puts back what was taken out and could not be written, in front. */
  putBack(back: readonly Piece[], sinceMs: number): void {
    if (back.length === 0) return;
    this.#pieces = [...back, ...this.#pieces];
    this.bytes += back.reduce((sum, piece) => sum + piece.length, 0);
    this.since = sinceMs;
  }

  /** It is written: its memory can be used again. */
  free({ bytes, view }: Piece): void {
    const list = this.#spare[this.#sizes.indexOf(bytes.length)];
    // More than half of what may wait is rare.
    if (list !== undefined && (list.length + 1) * bytes.length <= this.#maxBytes / 2) {
      list.push({ bytes, view });
    }
  }

  /** The piece for a message of so many bytes, with its mark; `undefined`: it is full. */
  #withMark(seq: number, atMs: number, size: number): Piece | undefined {
    const at = atMs / 1000;
    const mark = encoder.encode(encodeMark({ seq, at }));
    const most = mark.length + size;
    if (this.bytes + most > this.#maxBytes && this.bytes > 0) return undefined;
    const piece = this.#pieceFor(most, seq);
    piece.bytes.set(mark, piece.length);
    piece.length += mark.length;
    if (at < piece.minAt) piece.minAt = at;
    if (at > piece.maxAt) piece.maxAt = at;
    this.bytes += mark.length;
    this.#lastMs = atMs;
    this.since ??= atMs;
    return piece;
  }

  /** A piece with room for so many bytes. */
  #pieceFor(most: number, firstSeq: number): Piece {
    const last = this.#last;
    if (last !== undefined && last.length + most <= last.bytes.length) return last;
    const which = this.#pieces.length === 0 ? 0 : 1;
    const size = this.#sizes[which];
    let room = most <= size ? this.#spare[which].pop() : undefined;
    if (room === undefined) {
      const bytes = new Uint8Array(Math.max(size, most));
      room = { bytes, view: new DataView(bytes.buffer) };
    }
    const piece = new Piece(room, firstSeq);
    this.#pieces.push(piece);
    return this.#last = piece;
  }
}
