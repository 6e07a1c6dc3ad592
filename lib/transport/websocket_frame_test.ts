import { assert, assertEquals } from "@std/assert";
import { seeded } from "../sim/random.ts";
import {
  CLOSE_CODE,
  closeFrame,
  FrameReader,
  headLength,
  writeTextHead,
} from "./websocket_frame.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const MAX = 100_000;

interface FrameOptions {
  final?: boolean;
  mask?: readonly number[];
  /** Bytes of the length: 1, 3 or 9. Default: the fewest. */
  lengthBytes?: number;
}

/** A frame as a client sends it. */
function frame(
  opcode: number,
  payload: string | Uint8Array,
  options: FrameOptions = {},
): Uint8Array {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const { final = true, mask = [1, 2, 3, 4] } = options;
  const { lengthBytes = bytes.length < 126 ? 1 : bytes.length < 65536 ? 3 : 9 } = options;
  const head = new DataView(new ArrayBuffer(1 + lengthBytes));
  head.setUint8(0, (final ? 0x80 : 0) | opcode);
  head.setUint8(1, 0x80 | (lengthBytes === 1 ? bytes.length : lengthBytes === 3 ? 126 : 127));
  if (lengthBytes === 3) head.setUint16(2, bytes.length);
  if (lengthBytes === 9) head.setBigUint64(2, BigInt(bytes.length));
  return join(
    new Uint8Array(head.buffer),
    Uint8Array.from(mask),
    bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
  );
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What is found when the bytes come in chunks that end at these places. */
function found(bytes: Uint8Array, cuts: readonly number[] = [], maxBytes = MAX): string[] {
  const heard: string[] = [];
  const reader = new FrameReader(maxBytes, {
    text: (from, begin, end) => heard.push(`text ${decoder.decode(from.subarray(begin, end))}`),
    binary: () => heard.push("binary"),
    tooLarge: () => heard.push("too large"),
    ping: (payload) => heard.push(`ping ${decoder.decode(payload)}`),
    pong: () => heard.push("pong"),
    peerCloses: (code, reason) => heard.push(`close ${code} ${reason}`),
    failed: (code) => heard.push(`failed ${code}`),
  });
  let rest = new Uint8Array();
  let before = 0;
  for (const cut of [...cuts, bytes.length]) {
    const now = join(rest, bytes.slice(before, cut));
    const used = reader.push(now, 0, now.length);
    rest = now.slice(used);
    before = cut;
    assert(rest.length <= maxBytes + 14, `${rest.length} bytes are kept`);
  }
  return heard;
}

/** The same, whole, cut in two at each place, and byte by byte: all must agree. */
function foundAnyway(bytes: Uint8Array, maxBytes = MAX): string[] {
  const whole = found(bytes, [], maxBytes);
  const step = Math.max(1, Math.floor(bytes.length / 300));
  for (let i = 0; i < bytes.length; i += step) assertEquals(found(bytes, [i], maxBytes), whole);
  if (bytes.length < 1000) assertEquals(found(bytes, [...bytes.keys()], maxBytes), whole);
  return whole;
}

Deno.test("frames: every form of length, every mask", () => {
  for (const size of [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65535, 65536, 70_000]) {
    const text = "abcdefghij".repeat(size / 10 + 1).slice(0, size);
    for (const mask of [[0, 0, 0, 0], [255, 0, 128, 7], [0xde, 0xad, 0xbe, 0xef]]) {
      assertEquals(found(frame(TEXT, text, { mask }), [1, 3, 9]), [`text ${text}`]);
    }
    // Longer forms than needed come from lazy clients; they can be read.
    for (const lengthBytes of size < 65536 ? [3, 9] : [9]) {
      assertEquals(found(frame(TEXT, text, { lengthBytes })), [`text ${text}`]);
    }
  }
});

Deno.test("frames: a message in parts, control frames between them, characters across them", () => {
  const text = encoder.encode("ä€😀");
  const parts = [...text].map((byte, i) =>
    frame(i === 0 ? TEXT : CONTINUATION, Uint8Array.of(byte), { final: i === text.length - 1 })
  );
  const all = join(...parts.flatMap((part, i) => [part, frame(i % 2 ? PING : PONG, "")]));
  assertEquals(
    foundAnyway(all).filter((one) => one.startsWith("text")),
    ["text ä€😀"],
  );
  assertEquals(
    foundAnyway(join(
      frame(TEXT, "a", { final: false }),
      frame(PING, "p"),
      frame(CONTINUATION, "", { final: false }),
      frame(CONTINUATION, "b"),
      frame(TEXT, "", { final: false }),
      frame(CONTINUATION, "c"),
      frame(BINARY, "x", { final: false }),
      frame(CONTINUATION, "y"),
      frame(TEXT, "d"),
    )),
    ["ping p", "text ab", "text c", "binary", "text d"],
  );
});

Deno.test("frames: what is against the protocol ends it", () => {
  const good = frame(TEXT, "a");
  const first = (byte: number) => {
    const bytes = good.slice();
    bytes[0] = byte;
    return bytes;
  };
  const wrong = [
    first(0xc1), // reserved bits
    first(0xa1),
    first(0x91),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => first(0x80 | opcode)),
    Uint8Array.of(0x81, 1, 0x61), // no mask
    frame(PING, "a", { final: false }),
    frame(CLOSE, "", { final: false }),
    frame(PING, "x".repeat(126)),
    frame(PONG, "x", { lengthBytes: 3 }),
    frame(CONTINUATION, "a"),
    join(frame(TEXT, "a", { final: false }), frame(TEXT, "b")),
    join(frame(TEXT, "a", { final: false }), frame(BINARY, "b")),
    Uint8Array.of(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0), // a negative length
    frame(CLOSE, Uint8Array.of(3)),
  ];
  for (const bytes of wrong) {
    assertEquals(foundAnyway(join(good, bytes, good)), ["text a", "failed 1002"], String(bytes));
  }
});

Deno.test("frames: close codes", () => {
  const close = (code: number, reason: string | Uint8Array = "") => {
    const tail = typeof reason === "string" ? encoder.encode(reason) : reason;
    return join(
      frame(CLOSE, join(Uint8Array.of(code >> 8, code & 255), tail)),
      frame(TEXT, "late"),
    );
  };
  for (const code of [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999]) {
    assertEquals(foundAnyway(close(code, "wél")), [`close ${code} wél`]);
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535]) {
    assertEquals(foundAnyway(close(code)), ["failed 1002"]);
  }
  assertEquals(foundAnyway(close(1000, Uint8Array.of(0xc3))), ["failed 1007"]);
  assertEquals(foundAnyway(frame(CLOSE, "")), ["close 1005 "]);
  const long = closeFrame(CLOSE_CODE.policy, "€".repeat(100));
  assertEquals(long[1], 2 + 41 * 3);
  new TextDecoder("utf-8", { fatal: true }).decode(long.subarray(4));
});

Deno.test("frames: what is too large is skipped, in parts too, and nothing of it is kept", () => {
  const large = "x".repeat(101);
  const next = frame(TEXT, "next");
  assertEquals(foundAnyway(join(frame(TEXT, large), next), 100), ["too large", "text next"]);
  const part = frame(CONTINUATION, "x".repeat(60), { final: false });
  assertEquals(
    foundAnyway(
      join(frame(TEXT, "x", { final: false }), part, part, part, frame(CONTINUATION, ""), next),
      100,
    ),
    ["too large", "text next"],
  );
  assertEquals(found(frame(TEXT, "x".repeat(100)), [], 100).length, 1);
});

Deno.test("frames: random ones come out the same wherever reads end", () => {
  const random = seeded(7);
  const whole = (n: number) => Math.floor(random() * n);
  const kinds = [TEXT, TEXT, TEXT, CONTINUATION, CONTINUATION, BINARY, PING, PONG, CLOSE, 3];
  for (let round = 0; round < 20_000; round++) {
    const frames = Array.from(
      { length: 1 + whole(6) },
      () =>
        frame(kinds[whole(kinds.length)] ?? TEXT, "y".repeat(whole(random() < 0.1 ? 300 : 8)), {
          final: random() < 0.6,
          mask: [whole(256), whole(256), whole(256), whole(256)],
          lengthBytes: undefined,
        }),
    );
    const bytes = join(...frames);
    if (random() < 0.2) bytes[whole(bytes.length)] = whole(256);
    const cuts = Array.from({ length: whole(5) }, () => whole(bytes.length)).sort((a, b) => a - b);
    assertEquals(found(bytes, cuts, 200), found(bytes, [], 200));
  }
});

Deno.test("frames: the head of what a server sends says its length", () => {
  for (const size of [0, 1, 125, 126, 65535, 65536, 2 ** 20]) {
    const into = new Uint8Array(20);
    const at = writeTextHead(size, into, 3);
    assertEquals(at, 3 + headLength(size));
    assertEquals(into[3], 0x81);
    const view = new DataView(into.buffer);
    const said = into[4] === 126
      ? view.getUint16(5)
      : into[4] === 127
      ? Number(view.getBigUint64(5))
      : into[4];
    assertEquals(said, size);
  }
});
