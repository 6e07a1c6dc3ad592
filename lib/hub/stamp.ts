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

/** A tail that ends with a time, in seconds with three decimals. */
function createTimed(start: string): (now: number) => Uint8Array {
  let bytes: Uint8Array = new Uint8Array();
  let lastTime = NaN, lastSec = NaN;
  return (now) => {
    if (now === lastTime) return bytes;
    const sec = Math.floor(now / 1000);
    if (sec !== lastSec) bytes = encoder.encode(`${start}${sec}.000}`);
    lastTime = now;
    lastSec = sec;
    // In place: making all of it anew costs a lone message a tenth of its time.
    const ms = Math.floor(now - 1000 * sec);
    const end = bytes.length;
    bytes[end - 4] = ZERO + Math.floor(ms / 100);
    bytes[end - 3] = ZERO + Math.floor(ms / 10) % 10;
    bytes[end - 2] = ZERO + ms % 10;
    return bytes;
  };
}

/** Makes the stamp of one sender. */
export function createStamp(name: string): Stamp {
  const from = `,"from":${JSON.stringify(name)}`;
  const onlyFrom = encoder.encode(`${from}}`);
  const neither = encoder.encode("}");
  const both = createTimed(`${from},"time":`), onlyTime = createTimed(`,"time":`);
  return {
    tail(now, hasFrom, hasTime) {
      if (hasTime) return hasFrom ? neither : onlyFrom;
      return hasFrom ? onlyTime(now) : both(now);
    },
  };
}
