// `abcd send` as a user has it: fields, JSON, lines on standard input, answers, exit codes.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../lib/client.ts";
import type { Message } from "../lib/message.ts";
import { abcd, freeUdpPort, runAbcd, temporaryFolder, TestHub, until } from "./harness.ts";
import { pidIn } from "./raw_client.ts";

Deno.test("send: fields as text and JSON, a whole JSON object", async () => {
  await using hub = await TestHub.start();
  await using daq = await connect({ name: "daq", server: hub.address });
  const got: Message[] = [];
  for (const cmd of ["set", "whole"]) daq.on(cmd, (message) => void got.push(message));
  const lines = [
    ["to=daq", "cmd=set", "channel:=3", "on:=true", "text=a=b", "list:=[1,{}]", "number=3"],
    ['{"to":"daq","cmd":"whole","nested":{"é":null}}'],
  ];
  for (const line of lines) {
    const { code, stderr } = await runAbcd(["send", "--as=me", ...hub.clientArgs, ...line]);
    assertEquals(code, 0, stderr);
  }
  await daq.flush();
  const fields = got.map(({ time: _time, id: _id, ...rest }) => rest);
  assertEquals(fields, [
    {
      to: "daq",
      cmd: "set",
      channel: 3,
      on: true,
      text: "a=b",
      list: [1, {}],
      number: "3",
      from: "me",
    },
    { to: "daq", cmd: "whole", nested: { "é": null }, from: "me" },
  ]);
});

Deno.test("send -: every line a message, in order, also thousands, also one without a newline", async () => {
  await using hub = await TestHub.start();
  await using daq = await connect({ name: "daq", server: hub.address });
  const got: unknown[] = [];
  daq.on("n", ({ i }) => void got.push(i));
  await using send = abcd(["send", "-", ...hub.clientArgs], { stdin: "piped" });
  const count = 3000;
  const numbers = Array.from({ length: count }, (_, i) => i);
  await send.type(numbers.map((i) => `{"to":"daq","cmd":"n","i":${i}}\n`).join("\n"));
  await send.type(`{"to":"daq","cmd":"n","i":${count}}`);
  await send.endInput();
  assertEquals((await send.end()).code, 0, send.stderr);
  await daq.flush();
  assertEquals(got, [...numbers, count]);
});

Deno.test("send -: a line that is no message is named; one for nobody is exit code 1", async () => {
  await using hub = await TestHub.start();
  await using daq = await connect({ name: "daq", server: hub.address });
  const pipe = async (text: string | Uint8Array) => {
    await using send = abcd(["send", "-", ...hub.clientArgs], { stdin: "piped" });
    await send.type(text);
    await send.endInput();
    return { code: (await send.end()).code, stderr: send.stderr };
  };
  const got: unknown[] = [];
  daq.on("n", ({ i }) => void got.push(i));
  const lines = [
    '{"to":"daq","cmd":"n","i":1}',
    "",
    "{bad",
    '{"cmd":7}',
    '{"to":"daq","cmd":"n","i":2}',
  ];
  const bad = await pipe(lines.join("\n"));
  assertEquals(bad.code, 1, bad.stderr);
  assertStringIncludes(bad.stderr, "Cannot read line 3 as JSON");
  assertStringIncludes(bad.stderr, "line 4: Cannot take the message");
  // An instrument that says something wrong once is not silent from then on.
  await daq.flush();
  assertEquals(got, [1, 2]);
  const latin = Uint8Array.from('{"to":"daq","cmd":"n","unit":"\xb0C"}\n', (c) => c.charCodeAt(0));
  const encoded = await pipe(latin);
  assertEquals(encoded.code, 1);
  assertStringIncludes(encoded.stderr, "Cannot read line 1: it is no UTF-8");
  const nobody = await pipe('{"to":"dqa","cmd":"n"}\n{"to":"daq","cmd":"n"}\n');
  assertEquals(nobody.code, 1, nobody.stderr);
  assertStringIncludes(nobody.stderr, 'Cannot deliver to "dqa"');
  assertStringIncludes(nobody.stderr, "there are: daq");
});

Deno.test("send -: what comes while the hub is away, and behind that, is sent when it is back", async () => {
  await using folder = await temporaryFolder();
  const pidFile = `${folder.path}/pid`;
  await using hub = await TestHub.start([`--pid-file=${pidFile}`, "--beacon-interval=0.2"], {
    watched: true,
  });
  await using daq = await connect({ name: "daq", beaconPort: hub.beaconPort });
  const got: unknown[] = [];
  daq.on("n", ({ i }) => void got.push(i));
  await using send = abcd(["send", "-", `--beacon-port=${hub.beaconPort}`], { stdin: "piped" });
  const line = (i: number) => `{"to":"daq","cmd":"n","i":${i}}\n`;
  await send.type(line(1));
  await until(() => got.length === 1, "the first");
  const lost = new Promise<void>((resolve) => void daq.addEventListener("lost", () => resolve()));
  Deno.kill(await until(() => pidIn(pidFile), "no hub"), "SIGKILL");
  await lost;
  await until(() => daq.joined, "the hub is back");
  await until(async () => (await daq.clients()).some(({ name }) => name === "send"), "send too");
  for (const i of [2, 3]) await send.type(line(i));
  await until(() => got.length === 3, () => `the next: ${got}; ${send.stderr}`);
  await send.endInput();
  // It may have died before it said that it had the first.
  const code = send.stderr.includes("Cannot tell whether 1 messages were delivered") ? 1 : 0;
  assertEquals([(await send.end()).code, got], [code, [1, 2, 3]], send.stderr);
});

Deno.test("send --wait: the answer as JSON; silence and absence are exit code 1", async () => {
  await using hub = await TestHub.start();
  await using hv = await connect({ name: "hv", server: hub.address });
  hv.on("get", ({ from, id }) => hv.send({ cmd: "get", to: from, re: id, voltage: 1.5 }));
  const ask = (...line: string[]) => runAbcd(["send", "--wait=1", ...hub.clientArgs, ...line]);
  const answer = await ask("to=hv", "cmd=get");
  assertEquals([answer.code, JSON.parse(answer.stdout).voltage], [0, 1.5], answer.stderr);
  const silent = await ask("to=hv", "cmd=other");
  assertEquals([silent.code, silent.stdout], [1, ""]);
  const absent = await ask("to=vh", "cmd=get");
  assertEquals([absent.code, absent.stdout], [1, ""]);
  assertStringIncludes(absent.stderr, "there are: hv");
});

Deno.test("send: what is no message is exit code 2 before a hub is looked for", async () => {
  const wrong: [line: string[], words: string][] = [
    [["to=hv", "cmd=set", "channel:=x"], 'the value of "channel" as JSON'],
    [["cmd"], "key=text or key:=json"],
    [["=x"], "key=text or key:=json"],
    [["to=hv", "cmd=set", "cmd=get"], "twice"],
    [["to=hv"], "cmd"],
    [['{"cmd":1}'], '"cmd" is a number'],
    [['{"cmd":"x"'], "as JSON"],
    [["cmd=x", "topic=a/#"], "+ or #"],
    [["cmd=x", "to=a", "from=b"], "--as"],
    [["cmd=x", "to=a", "--as=_x"], "Cannot join as"],
    [["cmd=x", "to=a", "--server=a b"], "not host or host:port"],
    [[], "it needs"],
  ];
  for (const [line, words] of wrong) {
    const { code, stderr } = await runAbcd(["send", "--timeout=0.5", ...line], {
      env: { ABCD_SERVER: "" },
    });
    assertEquals(code, 2, `${line}: ${stderr}`);
    assertStringIncludes(stderr, words);
  }
});

Deno.test("send: no hub is exit code 1, and says what to do", async () => {
  const { code, stderr } = await runAbcd([
    "send",
    "--timeout=0.5",
    `--beacon-port=${freeUdpPort()}`,
    "cmd=x",
    "topic=t",
  ], { env: { ABCD_SERVER: "" } });
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'start one with "abcd server"');
});
