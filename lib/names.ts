// Names as text from their bytes, as often as there are messages.

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Remembers names and commands, which come again and again, so that they are not decoded each time. */
export interface Names {
  /** The text of these bytes, which must be UTF-8. */
  text(bytes: Uint8Array, begin: number, end: number): string;
}

/** Makes an empty memory of names; it holds at most `size` of them, a power of two. */
export function createNames(size = 1024): Names {
  const known: ({ bytes: Uint8Array; text: string } | undefined)[] = new Array(size).fill(
    undefined,
  );
  return {
    text(bytes, begin, end) {
      const length = end - begin;
      let hash = length;
      for (let i = begin; i < end; i++) hash = Math.imul(hash, 31) + (bytes[i] ?? 0) | 0;
      const slot = (hash ^ hash >>> 10) & size - 1;
      const entry = known[slot];
      if (entry !== undefined && entry.bytes.length === length) {
        let i = 0;
        while (i < length && entry.bytes[i] === bytes[begin + i]) i++;
        if (i === length) return entry.text;
      }
      const own = bytes.slice(begin, end);
      const text = decoder.decode(own);
      known[slot] = { bytes: own, text };
      return text;
    },
  };
}
