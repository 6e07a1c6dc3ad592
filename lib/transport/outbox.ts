// What waits to be written to one socket: collected while one lot of reads is worked through, written
// with one call behind it. Counted to the byte; the hub looks at the count and sets the bound.
//
// What is put together for one socket is filled in at once (`reserve`). What lies somewhere already, one
// message behind the other, is only noted (`add`) and copied all together: a tenth of the price.

/** Bytes to be filled in from `length` on. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** The same bytes, for four of them at a time. */
  readonly view: DataView;
  length: number;
}

/** Memory for a chunk. */
type Room = Omit<Chunk, "length">;

/**
 * Sizes of chunks: most turns produce a message or two for a client, and one that is sent much gets
 * the next size. One write takes at most the last, or one message.
 */
const SIZES = [1024, 16 * 1024, 256 * 1024] as const;
const [, , LARGEST] = SIZES;
/** Memory kept to be used again, of each size. */
const SPARE_BYTES = 16 * 1024 * 1024;

const NO_STRETCH: Uint8Array = new Uint8Array();
const NO_ROOM = newRoom(0);

const spare: { readonly [size: number]: Room[] } = Object.fromEntries(SIZES.map((n) => [n, []]));

function newRoom(count: number): Room {
  const bytes = new Uint8Array(count);
  return { bytes, view: new DataView(bytes.buffer) };
}

function allocate(count: number): Room {
  const size = SIZES.find((one) => count <= one) ?? count;
  return spare[size]?.pop() ?? newRoom(size);
}

function free({ bytes, view }: Chunk): void {
  const list = spare[bytes.length];
  if (list !== undefined && (list.length + 1) * bytes.length <= SPARE_BYTES) {
    list.push({ bytes, view });
  }
}

/** What has to be flushed once the reads that have come together are worked through. */
let due: Outbox[] = [];
let isFlushDue = false;

/**
 * The event loop hands over what several reads brought in one go, and this comes behind all of them:
 * 50 clients that send one message each cost one write, not 50. A turn of `setImmediate` would
 * collect no more, and takes a millisecond on Deno 2.4.
 */
function flushBehindTheReads(): void {
  if (isFlushDue) return;
  isFlushDue = true;
  queueMicrotask(() => {
    isFlushDue = false;
    const now = due;
    due = [];
    for (const one of now) one.flush();
    // Each has its own copy now.
    sharedLines.free();
    sharedFrames.free();
  });
}

/**
 * Memory for messages that go to several outboxes (`Outbox.add`): it stays as it is until all that is due
 * is flushed.
 */
class SharedMemory {
  /** How often it was given free: what lay in it another time is gone. */
  times = 0;
  #chunk: Chunk = { ...NO_ROOM, length: 0 };

  /** Room for `count` bytes, to be filled in from the chunk's `length` on, which the caller then sets. */
  room(count: number): Chunk {
    if (this.#chunk.length === 0) flushBehindTheReads();
    if (this.#chunk.length + count > this.#chunk.bytes.length) {
      this.#chunk = { ...newRoom(Math.max(LARGEST, count)), length: 0 };
    }
    return this.#chunk;
  }

  free(): void {
    this.#chunk.length = 0;
    this.times++;
  }
}

/** Lines, and frames of a WebSocket: apart, so that those of a kind lie one behind the other. */
export const sharedLines: SharedMemory = new SharedMemory();
export const sharedFrames: SharedMemory = new SharedMemory();

/** What waits for one socket. */
export class Outbox {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #failed: (error: unknown) => void;
  #chunks: Chunk[] = [];
  #queued = 0;
  #isDue = false;
  #writing = false;
  #broken = false;
  /** A stretch of somebody else's memory, from `#begin` to `#end`, that goes out behind the chunks. */
  #stretch = NO_STRETCH;
  #begin = 0;
  #end = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  /**
   * @param write Writes some of the bytes, returns how many.
   * @param failed Told once, if writing fails.
   */
  constructor(write: (bytes: Uint8Array) => Promise<number>, failed: (error: unknown) => void) {
    this.#write = write;
    this.#failed = failed;
  }

  /** Bytes that the operating system has not taken yet. */
  get queued(): number {
    return this.#queued;
  }

  /**
   * Room for `count` bytes more, to be filled in at once from the returned chunk's `length`, which
   * the caller then sets. Messages are never torn: they are dropped whole or written whole.
   */
  reserve(count: number): Chunk {
    if (this.#broken) return { ...newRoom(count), length: 0 };
    this.#queued += count;
    this.#settle();
    if (!this.#writing) this.#beDue();
    return this.#room(count);
  }

  /**
   * Takes whole messages: the bytes from `begin` to `end`, which stay as they are until this turn of the
   * event loop is over. Those that lie one behind the other are copied together.
   */
  add(bytes: Uint8Array, begin: number, end: number): void {
    if (this.#broken) return;
    this.#queued += end - begin;
    if (bytes === this.#stretch && begin === this.#end && end - this.#begin <= LARGEST) {
      this.#end = end;
      return;
    }
    this.#settle();
    this.#stretch = bytes;
    this.#begin = begin;
    this.#end = end;
    this.#beDue();
  }

  /** Forgets what waits, but for what is being written now. */
  drop(): void {
    this.#settle();
    this.#queued -= this.#chunks.reduce((sum, { length }) => sum + length, 0);
    this.#chunks = [];
  }

  /** Resolves when all is written, or cannot be. */
  drained(): Promise<void> {
    this.#settle();
    if (this.#broken || (!this.#writing && this.#chunks.length === 0)) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  /** Begins to write what waits, if nothing is being written. */
  flush(): void {
    this.#isDue = false;
    this.#settle();
    if (!this.#writing && !this.#broken && this.#chunks.length > 0) void this.#writeAll();
  }

  #beDue(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    due.push(this);
    flushBehindTheReads();
  }

  /** Copies the stretch that was noted. */
  #settle(): void {
    const stretch = this.#stretch, begin = this.#begin, end = this.#end;
    if (end === 0) return;
    this.#stretch = NO_STRETCH;
    this.#end = 0;
    const chunk = this.#room(end - begin);
    chunk.bytes.set(stretch.subarray(begin, end), chunk.length);
    chunk.length += end - begin;
  }

  #room(count: number): Chunk {
    const chunks = this.#chunks;
    const last = chunks[chunks.length - 1];
    if (last !== undefined) {
      if (last.length + count <= last.bytes.length) return last;
      if (last.bytes.length < LARGEST && last.length + count <= LARGEST) {
        const { bytes, view } = allocate(Math.max(last.bytes.length + 1, last.length + count));
        bytes.set(last.bytes.subarray(0, last.length));
        free(last);
        return chunks[chunks.length - 1] = { bytes, view, length: last.length };
      }
    }
    const { bytes, view } = allocate(count);
    const chunk = { bytes, view, length: 0 };
    chunks.push(chunk);
    return chunk;
  }

  /** What is to be written next. */
  #next(): Chunk | undefined {
    this.#settle();
    return this.#chunks.shift();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      for (let chunk; (chunk = this.#next()) !== undefined;) {
        for (let done = 0; done < chunk.length;) {
          const count = await this.#write(
            done === 0 && chunk.length === chunk.bytes.length
              ? chunk.bytes
              : chunk.bytes.subarray(done, chunk.length),
          );
          done += count;
          this.#queued -= count;
        }
        free(chunk);
      }
    } catch (error) {
      this.#broken = true;
      this.#chunks = [];
      this.#end = 0;
      this.#queued = 0;
      this.#failed(error);
    } finally {
      this.#writing = false;
      this.#drained?.resolve();
      this.#drained = undefined;
    }
  }
}
