// What strangers say of themselves is quoted in errors, in the log and on the hub's topics: it does
// nothing to the terminal of who reads that, and is not long.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, type Message } from "../mod.ts";
import { abcd, TestHub, until } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
/** Erases the screen, writes another line, goes on from right to left, by the C1 form too. */
const EVIL = "\x1b[2J\nroot: all is well\r\u202e\x9b31m\u200f\u2028\x07";
const LONG = EVIL + "x".repeat(60_000);
const MOST = 9000;

const messages: object[] = [
  { cmd: "x", to: EVIL },
  { cmd: "x", to: LONG },
  { cmd: EVIL, to: "nobody" },
  { cmd: EVIL, to: "_hub" },
  { cmd: LONG, to: "_hub" },
  { cmd: "x", to: "nobody", id: LONG },
  { cmd: EVIL, topic: "_hub/log" },
  { cmd: "x", topic: `a/${EVIL}` },
  { cmd: "x", topic: LONG },
  { cmd: EVIL, topic: "a", ack: true },
  { cmd: EVIL, to: "quiet", from: EVIL },
  { cmd: "_subscribe", topics: [`a/\u202e${"y".repeat(240)}+`] },
  { cmd: "_spy", on: true, only: { [LONG]: ["a"] } },
  { cmd: "_status", state: "ok", text: "\u202e\x9b" },
  { cmd: "_close_mailbox", name: LONG },
  { cmd: "_init", name: LONG },
];

Deno.test("strangers: their words are plain and short in errors, in the log and on topics", async () => {
  await using hub = await TestHub.start(["--log-level=debug"]);
  await using json = await TestHub.start(["--log-level=debug", "--json"]);
  for (const { tcpPort, address, process } of [hub, json]) {
    await using watch = await connect({ name: "watch", server: address });
    const told: Message[] = [];
    watch.subscribe("_hub/log", (message) => void told.push(message));
    watch.subscribe("_hub/left", (message) => void told.push(message));
    await watch.flush();
    using known = await RawClient.join(tcpPort, "known");
    for (const message of messages) await known.say({ id: "m", ...message });
    await known.say({ cmd: "_ping", id: "end" });
    await known.saw(/"end"/);
    for (
      const first of [{ cmd: "_init", name: EVIL }, { cmd: "_init", name: LONG }, { cmd: EVIL }]
    ) {
      using stranger = await RawClient.connect(tcpPort);
      await stranger.say(first);
      await stranger.saw(/_error/);
      known.text += `${stranger.text}\n`;
    }
    const errors = known.text.split("\n").filter((line) => line.includes('"_error"')).map((line) =>
      JSON.parse(line)
    );
    assert(errors.length >= messages.length, `${errors.length} errors`);
    for (const { text } of errors) {
      assert(!CONTROLS.test(text), JSON.stringify(text));
      assert(text.length < MOST, `${text.length} characters: ${text.slice(0, 200)}`);
    }
    const socket = new WebSocket(`ws://${address}/ws`);
    socket.onopen = () => {
      socket.send('{"cmd":"_init","name":"leaver"}');
      socket.close(4000, "\u202e\x9bgone");
    };
    await until(() => told.some(({ name }) => name === "leaver"), "nobody left");
    for (const { text = "", reason = "" } of told) assert(!CONTROLS.test(`${text}${reason}`));
    await process.saw(/refused: Cannot take the message/);
    const lines = process.stderr.split("\n");
    assert(lines.length > messages.length);
    for (const line of lines) {
      assert(!CONTROLS.test(line), JSON.stringify(line));
      assert(line.length < MOST, `${line.length} characters: ${line.slice(0, 200)}`);
    }
    assertMatch(process.stderr, /root: all is well/, "it is to be read what they said");
  }
});

Deno.test("strangers: what abcd exec refuses is plain and short, in the answer and in the log", async () => {
  await using hub = await TestHub.start();
  await using exec = abcd(["exec", ...hub.clientArgs, "--allow", "true"]);
  await exec.saw(/exec: ready/);
  await using asker = await connect({ name: "asker", server: hub.address });
  for (const more of [{ argv: [EVIL] }, { argv: [LONG, LONG] }, { line: LONG }, { argv: LONG }]) {
    const answer = await asker.request({ cmd: "exec", to: "exec", ...more });
    assertEquals(answer.cmd, "exec-refused");
    const text = String(answer.text);
    assert(!CONTROLS.test(text) && text.length < MOST, JSON.stringify(text.slice(0, 2000)));
  }
  await exec.saw(/(refused: [^]*){4}/);
  for (const line of exec.stderr.split("\n")) {
    assert(!CONTROLS.test(line) && line.length < MOST, JSON.stringify(line.slice(0, 2000)));
  }
});
