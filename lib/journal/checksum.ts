// A checksum that tells a changed byte; against accidents, not against people.

/**
 * CRC-32 of bytes, as gzip, PNG and Python's `zlib.crc32` have it: 32 bits without sign.
 *
 * @param before Of the bytes in front of these. Default: there are none.
 */
export type Checksum = (bytes: Uint8Array, before?: number) => number;

let loading: Promise<Checksum> | undefined;

/**
 * The checksum, as zlib computes it: 40 GB/s, where one in JavaScript has 7. It is loaded when it is first
 * asked for, which takes 20 ms: a hub is to be there before.
 */
export function loadChecksum(): Promise<Checksum> {
  return loading ??= import("node:zlib").then(({ crc32 }) => crc32);
}
