// `abcd spy` as a user has it: filters, ends, files, pipes, and hubs that are not there or two.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Client, connect } from "../lib/client.ts";
import {
  abcd,
  abcdCommand,
  after,
  freeUdpPort,
  runAbcd,
  Running,
  temporaryFolder,
  TestHub,
  until,
} from "./harness.ts";

const FIXED = { ABCD_SERVER: "" };

/** Everything that the filters' tests look at. */
function talk(client: Client): void {
  client.send({ cmd: "set", topic: "vacuum/gauge", n: 1 });
  client.send({ cmd: "state", topic: "vacuum/pump/state", n: 2 });
  client.send({ cmd: "state", topic: "cold/state", n: 3 });
  client.send({ cmd: "set", to: "hv", n: 4 });
  client.send({ cmd: "set", to: "b", n: 5 });
  client.send({ cmd: "last", topic: "end", n: 6 });
}

Deno.test("spy: --only in all forms takes what it says and nothing else", async () => {
  await using hub = await TestHub.start();
  await using a = await connect({ name: "a", server: hub.address });
  await using b = await connect({ name: "b", server: hub.address });
  await using hv = await connect({ name: "hv", server: hub.address });
  hv.on("set", () => {});
  let listening = 0;
  b.spy({ cmd: ["_spy"] }, ({ from }) => void (listening += from?.startsWith("spy") ? 1 : 0));
  await b.flush();
  const cases: [only: string[], wanted: number[]][] = [
    [["topic=vacuum/#"], [1, 2]],
    [["topic=+/state"], [3]],
    [["cmd=state"], [2, 3]],
    [["to=hv"], [4]],
    [["to=hv", "to=b"], [4, 5]],
    [["cmd=set", "topic=vacuum/#"], [1]],
    [["from=a"], [1, 2, 3, 4, 5, 6]],
    [["from=a", "cmd!=state"], [1, 4, 5, 6]],
    [["from=a", "!cmd=state", "to!=b"], [1, 4, 6]],
    [["from=a", "topic!=vacuum/#"], [3, 4, 5, 6]],
    [["from=a", "!cmd!=last"], [6]],
  ];
  const spies = cases.map(([only]) =>
    abcd(["spy", "--json", ...hub.clientArgs, ...only.map((one) => `--only=${one}`)])
  );
  try {
    // Joined is not yet listening: the hub must have been asked for it.
    await until(() => listening === spies.length, "all spies listen");
    await a.flush();
    talk(a);
    await a.flush();
    await b.flush();
    for (const [i, spy] of spies.entries()) {
      const [only, wanted] = cases[i] ?? [[], []];
      const numbers = () =>
        spy.stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line))
          .filter(({ cmd }) => !cmd.startsWith("_")).map(({ n }) => n);
      await until(() => numbers().length >= wanted.length, `${only}: ${spy.stdout}`);
      spy.signal("SIGINT");
      assertEquals((await spy.end()).code, 0);
      assertEquals(numbers(), wanted, `${only}`);
    }
  } finally {
    for (const spy of spies) await spy[Symbol.asyncDispose]();
  }
});

Deno.test("spy: lines for people; --count ends it; --log has all of it and is moved aside", async () => {
  await using folder = await temporaryFolder();
  await using hub = await TestHub.start();
  await using a = await connect({ name: "a", server: hub.address });
  const log = `${folder.path}/new/spy.ndjson`;
  await using spy = abcd([
    "spy",
    ...hub.clientArgs,
    "--only=cmd=tick",
    "--count=60",
    `--log=${log}`,
    "--log-size=2k",
  ]);
  await spy.saw(/joined: hub/);
  const sent = 80;
  // Until the first is seen nobody knows that the spy listens.
  await until(async () => {
    a.send({ cmd: "tick", topic: "t", state: "é漢", text: "\x1b[2J" });
    await a.flush();
    return spy.stdout !== "";
  }, "the first message");
  for (let i = 0; i < sent; i++) a.send({ cmd: "tick", topic: "t", state: "on", i });
  assertEquals((await spy.end()).code, 0);
  const lines = spy.stdout.trimEnd().split("\n");
  assertEquals(lines.length, 60);
  assert(/^\d\d:\d\d:\d\d\.\d{3} {2}a +# t +tick +state="é漢"/.test(lines[0] ?? ""), lines[0]);
  assertStringIncludes(lines[0] ?? "", "\\u001b[2J");
  assertStringIncludes(lines[50] ?? "", "state=on i=");
  let kept = 0;
  for await (const { name } of Deno.readDir(`${folder.path}/new`)) {
    const text = await Deno.readTextFile(`${folder.path}/new/${name}`);
    assert(text.length <= 2048, `${name}: ${text.length} characters`);
    for (const line of text.trimEnd().split("\n")) assertEquals(JSON.parse(line).cmd, "tick");
    kept += text.trimEnd().split("\n").length;
  }
  assertEquals(kept, 60);
  await Deno.stat(`${log}.1`);
});

Deno.test("spy: a reader that goes away ends it in silence", async () => {
  await using hub = await TestHub.start();
  await using a = await connect({ name: "a", server: hub.address });
  const line = [...abcdCommand(), "spy", "--json", "--only=cmd=tick", ...hub.clientArgs]
    .map((word) => `'${word}'`).join(" ");
  await using pipe = new Running([
    "bash",
    "-c",
    `${line} | head -1; echo "codes \${PIPESTATUS[@]}"`,
  ]);
  await pipe.saw(/joined: hub/);
  let over = false;
  const ticks = (async () => {
    for (; !over; await after(20)) a.send({ cmd: "tick", topic: "t" });
  })();
  try {
    await pipe.saw(/codes 0 0/);
  } finally {
    over = true;
    await ticks;
  }
  assertEquals(pipe.stderr.includes("rror"), false, pipe.stderr);
});

Deno.test("spy: --for ends it; exit code 1 without a hub, or with fewer than --count", async () => {
  await using hub = await TestHub.start();
  const quiet = ["spy", ...hub.clientArgs, "--only=cmd=never"];
  assertEquals((await runAbcd([...quiet, "--for=3"])).code, 0);
  const few = await runAbcd([...quiet, "--for=0.5", "--count=1"]);
  assertEquals([few.code, few.stdout], [1, ""]);
  const none = await runAbcd(["spy", "--for=0.3", `--beacon-port=${freeUdpPort()}`], {
    env: FIXED,
  });
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "no hub in 0.3 s");
  const wrongPort = await runAbcd(["spy", "--for=0.3", `--server=127.0.0.1:${hub.tcpPort}`]);
  assertStringIncludes(wrongPort.stderr, "is it the hub's port for plain TCP?");
});

Deno.test("spy and send: two hubs heard are both named, --hub chooses", async () => {
  const beaconPort = freeUdpPort();
  const args = (name: string) => [
    `--name=${name}`,
    `--beacon-port=${beaconPort}`,
    "--beacon-interval=0.3",
  ];
  await using _alpha = await TestHub.start(args("alpha"));
  await using _beta = await TestHub.start(args("beta"));
  await using spy = abcd(["spy", `--beacon-port=${beaconPort}`], { env: FIXED });
  const [said = ""] = await spy.saw(/Several hubs are heard: .*\n/);
  for (const part of ['"alpha" at', '"beta" at', "--hub"]) assertStringIncludes(said, part);
  await using chosen = abcd(["spy", `--beacon-port=${beaconPort}`, "--hub=beta"], { env: FIXED });
  await chosen.saw(/joined: hub "beta"/);
  assertEquals(chosen.stderr.includes("Several"), false, chosen.stderr);
});

Deno.test("spy: two hubs of one name are told apart by their addresses, also where the name is asked for", async () => {
  const beaconPort = freeUdpPort();
  const args = ["--name=pi", `--beacon-port=${beaconPort}`, "--beacon-interval=0.3"];
  await using one = await TestHub.start(args);
  await using other = await TestHub.start(args);
  await using spy = abcd(["spy", "--hub=pi", `--beacon-port=${beaconPort}`], { env: FIXED });
  const [said = ""] = await spy.saw(/Several hubs are heard: .*\n/);
  for (const part of [`:${one.httpPort}`, `:${other.httpPort}`, "abcd server --name", "--server"]) {
    assertStringIncludes(said, part);
  }
});

Deno.test("spy: wrong usage is exit code 2, a file that cannot be written 1, at once", async () => {
  const wrong = [
    ["--only=foo=x"],
    ["--only=topic=a/#/b"],
    ["--only=cmd="],
    ["--count=x"],
    ["--for=long"],
    ["--since=yesterday-ish"],
    ["--server=a b"],
    ["--as=_x"],
    ["one-argument"],
  ];
  for (const args of wrong) {
    const { code, stderr } = await runAbcd(["spy", ...args]);
    assertEquals(code, 2, `${args}: ${stderr}`);
    assertStringIncludes(stderr, "Cannot ");
  }
  const { code, stderr } = await runAbcd(["spy", "--log=/dev/null/x"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot write /dev/null/x");
});
