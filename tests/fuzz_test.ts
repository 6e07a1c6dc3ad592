// Every way in with random input, the same each time: nothing throws but what it is documented to,
// nothing disagrees with a second way of doing it, nothing grows. With the envelope (600,000 inputs,
// lib/envelope_test.ts) and the frames (lib/transport/websocket_frame_test.ts) over a million.

import { assert, assertEquals } from "@std/assert";
import { parseBeacon } from "../lib/discovery/beacon.ts";
import { matchesGlob } from "../lib/glob.ts";
import { decide, parseRule, PolicyError, splitLine } from "../lib/exec/policy.ts";
import { Hub } from "../lib/hub/hub.ts";
import { MemoryJournal } from "./hub_lab.ts";
import { parseLine } from "../lib/hub/ledger_line.ts";
import { parseBlock } from "../lib/journal/block.ts";
import { parseLoggedMessage, parseMark } from "../lib/journal/record.ts";
import { FileError } from "../lib/jsonc_file.ts";
import { parseRights } from "../lib/keys/rights_file.ts";
import { checkMessage, MessageError, parseMessage } from "../lib/message.ts";
import { parseExperiment } from "../lib/experiment/experiment_file.ts";
import { type Random, seeded } from "../lib/sim/random.ts";
import { problemWithSubscription, topicMatches } from "../lib/topic.ts";
import { parseHead } from "../lib/transport/http.ts";
import { MemoryConnection } from "../lib/transport/memory.ts";
import { Splitter } from "../lib/transport/splitter.ts";
import { below, mutated, mutatedText, oneOf, randomJson } from "./fuzz_input.ts";

const encoder = new TextEncoder();

/** Runs it; what it throws has to be one of these, with words. */
function only<T>(
  expected: new (...args: never[]) => Error,
  run: () => T,
  input: unknown,
): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof expected && /^(Cannot|\S*:\d+:\d+)/.test(error.message)) return undefined;
    throw new Error(`${JSON.stringify(input)} gave ${error}`, { cause: error });
  }
}

Deno.test("fuzz: messages are read, or refused with a code", () => {
  const pick = seeded(21);
  let read = 0;
  for (let i = 0; i < 80_000; i++) {
    const text = randomJson(pick);
    const message = only(MessageError, () => parseMessage(text, { maxBytes: 500 }), text);
    if (message === undefined) continue;
    read++;
    assert(text.length <= 500 && typeof message.cmd === "string" && message.cmd !== "");
    checkMessage(message);
  }
  assert(read > 15_000, `only ${read} were messages`);
});

/** Messages as they are compared: fields in order, numbers as JSON has them. */
function inOrder(messages: readonly unknown[]): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
      : value;
  return JSON.stringify(messages, sorted);
}

Deno.test("fuzz: a hub that reads envelopes from bytes does what one does that parses all", () => {
  const pick = seeded(22);
  const make = (scans: boolean) => {
    let ids = 0;
    const journal = new MemoryJournal();
    const hub = new Hub({ name: "h", clock: () => 5000, newId: () => `id${ids++}`, journal });
    const clients = ["a", "b", "name", "spy"].map((name) => {
      const client = new MemoryConnection(hub.attach.bind(hub));
      client.scans = scans;
      client.say({ cmd: "_init", name });
      if (name === "a") client.say({ cmd: "_subscribe", topics: ["a/b", "name"] });
      if (name === "spy") client.say({ cmd: "_spy", on: true });
      return client;
    });
    return { clients, journal };
  };
  const fast = make(true), slow = make(false);
  const forwarded = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const text = randomJson(pick);
    const sender = below(pick, 2);
    for (const { clients } of [fast, slow]) clients[sender]?.say(text);
    for (const [k, client] of fast.clients.entries()) {
      const heard = client.heard(), wanted = slow.clients[k]?.heard() ?? [];
      if (heard.length === 0 && wanted.length === 0) continue;
      assertEquals(inOrder(heard), inOrder(wanted), text);
      for (const { from, cmd } of heard) {
        assert(from === "_hub" || from === (sender === 0 ? "a" : "b"), `${from} by ${text}`);
        forwarded.add(`${cmd} to ${k}`);
      }
    }
    if (i % 1000 === 0) {
      assertEquals(inOrder(fast.journal.messages), inOrder(slow.journal.messages));
      fast.journal.messages.length = slow.journal.messages.length = 0;
    }
  }
  assert(forwarded.has("x to 0") && forwarded.has("x to 2") && forwarded.has("_error to 1"));
});

/** What a splitter finds in chunks that end at these places. */
function split(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const found: string[] = [];
  const splitter = new Splitter(300, {
    scanned: (envelope) => found.push(envelope.text()),
    object: (text) => found.push(text),
    garbled: (code, _, fatal) => found.push(`${code}${fatal ? "!" : ""}`),
  });
  let before = 0;
  for (const cut of [...cuts, bytes.length]) {
    splitter.push(bytes.slice(before, cut));
    before = cut;
  }
  return found;
}

Deno.test("fuzz: a stream of plain TCP gives the same wherever reads end", () => {
  const pick = seeded(23);
  for (let i = 0; i < 60_000; i++) {
    const texts = Array.from({ length: 1 + below(pick, 4) }, () => randomJson(pick));
    const all = texts.join(oneOf(pick, ["", "", "\n", " \r\n", "rubbish", "\0"]));
    const bytes = mutated(pick, encoder.encode(all), 0.3);
    const cuts = Array.from({ length: below(pick, 6) }, () => below(pick, bytes.length + 1)).sort(
      (a, b) => a - b,
    );
    assertEquals(split(bytes, cuts), split(bytes, []), all);
  }
});

Deno.test("fuzz: heads of HTTP requests are read, or it is said what is wrong", () => {
  const pick = seeded(24);
  const heads = [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: a:1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "POST /clients?x=1#y HTTP/1.0\r\nA: b\r\nA: c\r\n\r\n",
  ];
  let read = 0;
  for (let i = 0; i < 80_000; i++) {
    const text = `${mutatedText(pick, oneOf(pick, heads).slice(0, -4), 0.7)}\r\n\r\n`;
    const head = parseHead(text);
    if (typeof head === "string") continue;
    read++;
    assert(head.path.startsWith("/") && !/[?#\s]/.test(head.path), text);
    for (const [name, value] of head.headers) {
      assert(name === name.toLowerCase() && !/[\r\n\0]/.test(name + value), text);
    }
  }
  assert(read > 20_000 && read < 76_000, `${read} were read`);
});

Deno.test("fuzz: beacons, lines of the journal, of its index and of the ledger", () => {
  const pick = seeded(25);
  const beacon = JSON.stringify({ abcd: 1, name: "h", id: "u", http: 9819, tcp: 9818 });
  const mark = '{"seq":1,"at":2.5}', logged = '{"cmd":"x","to":"a"}';
  const block =
    '{"offset":0,"bytes":9,"count":1,"firstSeq":1,"lastSeq":1,"minAt":1,"maxAt":1,"sum":7,' +
    '"names":{"from":["a"],"to":null,"cmd":["x"],"topic":[]}}';
  for (let i = 0; i < 40_000; i++) {
    const found = parseBeacon(mutated(pick, encoder.encode(beacon), 0.9));
    if (found !== undefined) assert(found.http >= 0 && found.http < 65536 && found.name !== "");
    const text = mutatedText(pick, oneOf(pick, [mark, logged]), 0.9);
    const next = parseMark(text), message = parseLoggedMessage(text);
    if (next !== undefined) {
      assert(Number.isSafeInteger(next.seq) && Number.isFinite(next.at), text);
    }
    // No line is both.
    if (message !== undefined) assert(next === undefined && message.cmd !== "", text);
    parseBlock(mutatedText(pick, block, 0.9));
    parseLine(mutatedText(pick, oneOf(pick, [mark, logged, block, randomJson(pick)])));
  }
});

Deno.test("fuzz: experiment and rights files are read, or every problem has its place", () => {
  const pick = seeded(26);
  const experiments = ["damicm", "minimal", "muon"].map((name) =>
    Deno.readTextFileSync(new URL(`../experiments/${name}.jsonc`, import.meta.url))
  );
  const rights =
    '{// who\n"keys": {"student": {"names": ["s-*"], "may": ["spy"], "publish": ["s/#"]}},\n"open": {}}';
  let read = 0;
  for (let i = 0; i < 2000; i++) {
    let text = oneOf(pick, experiments);
    for (let k = below(pick, 3); k >= 0; k--) text = mutatedText(pick, text, 0.8);
    if (only(FileError, () => parseExperiment(text, "/x/e.jsonc"), text) !== undefined) read++;
  }
  for (let i = 0; i < 20_000; i++) {
    const text = mutatedText(pick, mutatedText(pick, rights, 0.8));
    only(FileError, () => parseRights(text, "/x/rights.jsonc"), text);
  }
  assert(read > 100, `only ${read} were read`);
});

/** A glob by the regular expression that it is. */
function globByRegExp(glob: string, text: string): boolean {
  const escaped = glob.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("\\*", "[^]*");
  return new RegExp(`^${escaped}$`).test(text);
}

Deno.test("fuzz: lines, globs and decisions of exec", () => {
  const pick = seeded(27);
  const text = (alphabet: string, most: number) =>
    Array.from({ length: below(pick, most) }, () => alphabet[below(pick, alphabet.length)]).join(
      "",
    );
  const allowed = parseRule("ls -l a*b", (program) => `/bin/${program}`);
  const policy = { rules: [allowed], allowAll: false, shell: false };
  for (let i = 0; i < 60_000; i++) {
    const line = text(`ab '"\\$\`|;\n\tls-`, 14);
    const args = only(PolicyError, () => splitLine(line), line);
    // What it is split into, quoted again, is the same.
    if (args !== undefined) {
      const quoted = args.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ");
      assertEquals(splitLine(quoted), args, line);
    }
    const glob = text("ab*", 6), name = text("ab", 8);
    assertEquals(matchesGlob(glob, name), globByRegExp(glob, name), `${glob} on ${name}`);
    const request = pick() < 0.5 ? { line: `ls -l ${line}` } : { argv: ["ls", "-l", name] };
    const decision = decide(policy as never, request as never);
    if (decision.allowed) {
      const [program, option, last = ""] = decision.argv;
      assertEquals([program, option, decision.argv.length], ["/bin/ls", "-l", 3]);
      assert(/^a[^]*b$/.test(last), JSON.stringify(request));
    } else assert(/^(Cannot|Not allowed)/.test(decision.text), decision.text);
  }
});

/** Whether a subscription takes a topic, by recursion over the levels. */
function takes(wanted: readonly string[], levels: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return levels.length === 0;
  if (first === "#") return true;
  const [level, ...others] = levels;
  return level !== undefined && (first === "+" || first === level) && takes(rest, others);
}

Deno.test("fuzz: topics match as they do by recursion", () => {
  const pick = seeded(28);
  const levels = (names: readonly string[]) =>
    Array.from({ length: 1 + below(pick, 4) }, () => oneOf(pick, names));
  let matched = 0;
  for (let i = 0; i < 150_000; i++) {
    const wanted = levels(["a", "b", "+", "#", "_hub"]), topic = levels(["a", "b", "c", "_hub"]);
    const subscription = wanted.join("/");
    if (problemWithSubscription(subscription) !== undefined) continue;
    const isHidden = topic[0] === "_hub" && /^[+#]/.test(subscription);
    const expected = !isHidden && takes(wanted, topic);
    if (expected) matched++;
    assertEquals(topicMatches(subscription, topic.join("/")), expected, `${subscription} ${topic}`);
  }
  assert(matched > 5000);
});

Deno.test("fuzz: strangers at a hub's door say anything, and nothing stays of them", () => {
  const pick = seeded(29);
  const hub = new Hub({ name: "h", clock: () => 5000 });
  const stranger = (say: (pick: Random) => string) => {
    const client = new MemoryConnection(hub.attach.bind(hub));
    for (let k = below(pick, 4); k >= 0 && client.ended === undefined; k--) client.say(say(pick));
    if (client.ended === undefined) client.close("test");
  };
  const init = '{"cmd":"_init","name":"n","unique":true,"info":{"pid":1},"key":"a.b","nonce":"x"}';
  const seed = () => hub.stats();
  for (let i = 0; i < 20_000; i++) {
    stranger((p) => p() < 0.5 ? mutatedText(p, init, 0.7) : randomJson(p));
    const { clients, connections, queued } = seed();
    if (clients + connections + queued > 0) {
      assertEquals([clients, connections, queued], [0, 0, 0], `after stranger ${i}`);
    }
  }
});
