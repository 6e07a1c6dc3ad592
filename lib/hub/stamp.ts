// What the hub writes behind a message that it forwards: who sent it, and when.

const encoder = new TextEncoder();

/** The end of a message, with its `}`. */
export interface Stamp {
  /**
   * The bytes that belong in the place of the message's `}`.
   *
   * @param now In milliseconds; many messages come in one.
   */
  tail(now: number, hasFrom: boolean, hasTime: boolean): Uint8Array;
}

/** Makes the stamp of one sender. */
export function createStamp(name: string): Stamp {
  const from = `,"from":${JSON.stringify(name)}`;
  const onlyFrom = encoder.encode(`${from}}`);
  const neither = encoder.encode("}");
  let lastTime = NaN;
  let both = neither, onlyTime = neither;
  return {
    tail(now, hasFrom, hasTime) {
      if (hasTime) return hasFrom ? neither : onlyFrom;
      if (now !== lastTime) {
        lastTime = now;
        both = encoder.encode(`${from},"time":${now / 1000}}`);
        onlyTime = encoder.encode(`,"time":${now / 1000}}`);
      }
      return hasFrom ? onlyTime : both;
    },
  };
}
