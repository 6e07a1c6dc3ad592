// What the hub writes behind a message that it forwards: who sent it, and when.

const ZERO = 0x30;

/** The end of a message, with its `}`. */
export interface Stamp {
  /**
   * The bytes that belong in the place of the message's `}`. They hold until the next call.
   *
   * @param now In whole milliseconds; many messages come in one.
   */
  tail(now: number, hasFrom: boolean, hasTime: boolean): Uint8Array;
}

const encoder = new TextEncoder();

const NEITHER = encoder.encode("}");
const NOTHING_YET = new Uint8Array();

/** A tail that ends with a time, in seconds with three decimals. */
class TimedTail {
  readonly #start: string;
  #bytes: Uint8Array = NOTHING_YET;
  #lastTime = NaN;
  #lastSec = NaN;

  constructor(start: string) {
    this.#start = start;
  }

  at(now: number): Uint8Array {
    if (now === this.#lastTime) return this.#bytes;
    const sec = Math.floor(now / 1000);
    if (sec !== this.#lastSec) this.#bytes = encoder.encode(`${this.#start}${sec}.000}`);
    this.#lastTime = now;
    this.#lastSec = sec;
    // In place: making all of it anew costs a lone message a tenth of its time.
    const bytes = this.#bytes;
    const ms = Math.floor(now - 1000 * sec);
    const end = bytes.length;
    bytes[end - 4] = ZERO + Math.floor(ms / 100);
    bytes[end - 3] = ZERO + Math.floor(ms / 10) % 10;
    bytes[end - 2] = ZERO + ms % 10;
    return bytes;
  }
}

/** The stamp of one sender. Made of nothing until it sends: most clients of a large hub are silent. */
class SenderStamp implements Stamp {
  readonly #name: string;
  #from: Uint8Array | undefined;
  #both: TimedTail | undefined;
  #time: TimedTail | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  tail(now: number, hasFrom: boolean, hasTime: boolean): Uint8Array {
    if (hasTime) return hasFrom ? NEITHER : this.#from ??= encoder.encode(`${this.#sender}}`);
    const timed = hasFrom
      ? this.#time ??= new TimedTail(`,"time":`)
      : this.#both ??= new TimedTail(`${this.#sender},"time":`);
    return timed.at(now);
  }

  get #sender(): string {
    return `,"from":${JSON.stringify(this.#name)}`;
  }
}

/** Makes the stamp of one sender. */
export function createStamp(name: string): Stamp {
  return new SenderStamp(name);
}
