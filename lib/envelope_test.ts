import { assert, assertEquals } from "@std/assert";
import { Envelope } from "./envelope.ts";
import { checkMessage, MessageError } from "./message.ts";
import { createNames } from "./names.ts";
import { mutated, randomJson } from "../tests/fuzz_input.ts";
import { seeded } from "./sim/random.ts";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const envelope = new Envelope();
const names = createNames(16);

type Read = { [field: string]: string | number | undefined };

/** What is read from the bytes, from anywhere in a buffer; `undefined`: it is not decided. */
function read(bytes: Uint8Array, pad = 0): Read | undefined {
  const buffer = new Uint8Array(bytes.length + 2 * pad).fill(0x7d); // } } }
  buffer.set(bytes, pad);
  if (!envelope.read(buffer, pad, pad + bytes.length)) return undefined;
  if (envelope.end !== pad + bytes.length) return undefined;
  return {
    cmd: envelope.cmd(names),
    to: envelope.to(names),
    topic: envelope.topic(names),
    from: envelope.from(names),
    time: envelope.time,
    id: envelope.id,
    re: envelope.re,
  };
}

/** What a parser reads, or why it does not. */
function parsed(bytes: Uint8Array): Read | string {
  try {
    const value = checkMessage(JSON.parse(strict.decode(bytes)));
    const { cmd, to, topic, from, time, id, re } = value;
    return { cmd, to, topic, from, time, id, re };
  } catch (error) {
    // Names of receivers and topics are looked up by who asks; the envelope does not judge them.
    if (error instanceof MessageError && (error.field === "to" || error.field === "topic")) {
      const value = JSON.parse(strict.decode(bytes));
      const { cmd, to, topic, from, time, id, re } = value;
      if (typeof (to ?? "") === "string" && typeof (topic ?? "") === "string") {
        if (to === undefined || topic === undefined) return { cmd, to, topic, from, time, id, re };
      }
    }
    return String(error);
  }
}

function agree(bytes: Uint8Array, pad = 0): boolean {
  const found = read(bytes, pad);
  if (found !== undefined) assertEquals(found, parsed(bytes), strictOrHex(bytes));
  return found !== undefined;
}

function strictOrHex(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes) + " " + [...bytes].map((b) => b.toString(16)).join(" ");
}

Deno.test("envelope: what is plain is read", () => {
  const plain = [
    '{"cmd":"x"}',
    '{"cmd":"x","to":"hv","val":1}',
    '{ "cmd" : "monit" ,\t"topic":"run/1/état", "x":{"to":"nested","cmd":[{}]}, "time":-1.25 }',
    '{"v":[1,-0,0.5,1e9,1E-7,true,false,null,"\\u00e4\\n"],"cmd":"ä€😀","id":"1","re":"2","from":"a"}',
    `{"cmd":"x","deep":${"[".repeat(63)}${"]".repeat(63)}}`,
  ];
  for (const text of plain) {
    for (const pad of [0, 7]) assert(agree(encoder.encode(text), pad), text);
  }
});

Deno.test("envelope: what is rare, wrong or doubtful is not decided", () => {
  const doubtful = [
    "",
    "{}",
    "[]",
    '{"cmd":7}',
    '{"cmd":""}',
    '{"cmd":"x"',
    '{"cmd":"x",}',
    '{"cmd":"x"}}',
    '{"cmd":"x"}\n',
    '{"cmd":"x",\n"to":"a"}',
    '{"cmd":"x","cmd":"y"}',
    '{"cmd":"x","to":"a","\\u0074o":"b"}',
    '{"cmd":"x","to":"\\u0061"}',
    '{"cmd":"x","to":"a","topic":"b"}',
    '{"cmd":"x","to":null}',
    '{"cmd":"x","time":"1"}',
    '{"cmd":"x","time":1e400}',
    '{"cmd":"x","v":01}',
    '{"cmd":"x","v":1.}',
    '{"cmd":"x","v":.5}',
    '{"cmd":"x","v":+1}',
    '{"cmd":"x","v":NaN}',
    '{"cmd":"x","v":"\t"}',
    '{"cmd":"x","v":"\\x"}',
    '{"cmd":"x","v":"\\u12g4"}',
    '{"cmd":"x","v":[1,]}',
    '{"cmd":"x","v":tru}',
    `{"cmd":"x","deep":${"[".repeat(64)}${"]".repeat(64)}}`,
    `{"cmd":"${"x".repeat(257)}"}`,
  ];
  for (const text of doubtful) assertEquals(read(encoder.encode(text), 3), undefined, text);
  for (
    const bytes of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [
      0xe2,
      0x82,
    ]]
  ) {
    const text = [...encoder.encode('{"cmd":"x","v":"'), ...bytes, ...encoder.encode('"}')];
    assertEquals(read(Uint8Array.from(text)), undefined, bytes.join());
  }
});

Deno.test("envelope: every byte at every place of a string, behind and before any other", () => {
  const beginning = encoder.encode('{"cmd":"m","note":"'), end = encoder.encode('"}');
  for (const fill of "#!} ~\x7f".split("").map((c) => c.charCodeAt(0))) {
    for (let at = 0; at < 20; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const note = new Uint8Array(20).fill(fill);
        note[at] = byte;
        const bytes = Uint8Array.of(...beginning, ...note, ...end);
        const isPlain = byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c;
        // What is escaped by a backslash here is no escape: neither of them takes it.
        assertEquals(agree(bytes, 3), isPlain, `${byte} at ${at} among ${fill}`);
      }
    }
  }
});

Deno.test("envelope: on 600,000 random inputs it never reads what a parser does not", () => {
  let decided = 0, parses = 0;
  const pick = seeded(4);
  const count = 600_000;
  let last = "{}";
  for (let i = 0; i < count; i++) {
    const other = pick() < 0.5 ? randomJson(pick) : last;
    // Many begin as the one before, up to anywhere: that beginning is not read again.
    const text = pick() < 0.3
      ? last.slice(0, last.length * pick()) + other.slice(other.length * pick())
      : other;
    last = other;
    const bytes = mutated(pick, encoder.encode(text), 0.1);
    const found = read(bytes, i & 3);
    if (found !== undefined) {
      decided++;
      // assertEquals for each would take minutes.
      const wanted = parsed(bytes);
      const same = typeof wanted !== "string" &&
        Object.keys(wanted).every((field) => Object.is(wanted[field], found[field]));
      if (!same) assertEquals(found, wanted, strictOrHex(bytes));
    } else if (i % 100 === 0 && typeof parsed(bytes) !== "string") parses++;
  }
  assert(decided > count / 10, `only ${decided} were decided`);
  assert(parses > 0, "and none of the others was a message");
});

Deno.test("envelope: a message that begins as the one before is read as if it were the first", () => {
  const begin = '{"cmd":"monit","to":"hv", "from":"a",';
  const rests = [
    '"v":1}',
    '"id":"7","v":2}',
    '"topic":"t"}',
    '"to":"b"}',
    '"v":}',
    "}",
    '"time":1.5,"re":"x"}',
    '"ack":true}',
    '"v":3',
  ];
  for (const first of rests) {
    for (const second of rests) {
      for (const pad of [0, 5]) {
        read(encoder.encode(begin + first));
        const after = read(encoder.encode(begin + second), pad);
        const { asks, hasTime } = envelope;
        const fresh = new Envelope();
        const bytes = encoder.encode(begin + second);
        const alone = fresh.read(bytes, 0, bytes.length);
        assertEquals(after !== undefined, alone, `${first} ${second}`);
        if (after === undefined) continue;
        assertEquals(after, parsed(bytes), `${first} ${second}`);
        assertEquals(
          [asks, hasTime],
          [fresh.asks, fresh.hasTime],
          `${first} ${second}`,
        );
      }
    }
  }
  // Less than what is known, and the same but for its last byte.
  for (
    const text of ['{"cmd":"monit","to":"hv", "from":"a"}', begin.replace('"a"', '"b"') + '"v":1}']
  ) {
    read(encoder.encode(`${begin}"v":1}`));
    assertEquals(read(encoder.encode(text)), parsed(encoder.encode(text)));
  }
});
