// What a client throws, beside what is wrong with a message.

/** The hub answered with `_error`. */
export class RefusedError extends Error {
  override name = "RefusedError";

  constructor(
    /** One of the protocol's codes, or one that a newer hub has. */
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

/** What waits to be sent would be more than the client may hold. */
export class BufferFullError extends Error {
  override name = "BufferFullError";
}
