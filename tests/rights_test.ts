// Rights of keys, as somebody meets them who has not all of them: names, each right, and changes of the
// rights file while the hub runs.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { deriveKey, keyText } from "../lib/keys/key.ts";
import { RIGHTS } from "../lib/keys/rights.ts";
import { type Client, connect, type Outgoing, RefusedError } from "../mod.ts";
import { testKey } from "./config_home.ts";
import { abcd, runAbcd, temporaryFolder, TestHub, until, within } from "./harness.ts";

const main = testKey();

/** A hub with this rights file. */
async function hubWithRights(keys: object) {
  const folder = await temporaryFolder();
  const file = `${folder.path}/rights.jsonc`;
  const write = (keys: object) => Deno.writeTextFileSync(file, JSON.stringify({ keys }));
  write(keys);
  const hub = await TestHub.start([`--rights=${file}`], { open: false });
  return {
    hub,
    file,
    write,
    async join(id: string, name: string): Promise<Client> {
      const key = keyText(id === "main" ? main : await deriveKey(main, id));
      return await connect({ name, key, server: hub.address, timeoutSec: 20 });
    },
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Expects that the hub refuses. */
async function denied(attempt: Promise<unknown>, words: RegExp): Promise<void> {
  const error = await assertRejects(() => within(attempt, 20_000, "no answer"), RefusedError);
  assertEquals(error.code, "denied");
  assertMatch(error.message, words);
}

Deno.test("rights: a key takes its own names, and nobody else's", async () => {
  await using lab = await hubWithRights({ pi: {}, shift: { names: ["shift-*", "run"] } });
  await using _hv = await lab.join("main", "hv");
  await denied(lab.join("pi", "hv"), /Cannot join as "hv": the key "pi" may not be called that/);
  await denied(lab.join("pi", "run"), /it may be pi, pi-\*/);
  await using pi = await lab.join("pi", "pi");
  await using run = await lab.join("shift", "run");
  assertEquals([pi.name, run.name], ["pi", "run"]);
  // Nor in the envelope.
  const spoof = { cmd: "x", to: "hv", from: "hv" };
  const error = await assertRejects(() => pi.request(spoof as never), RefusedError);
  assertMatch(error.message, /you are "pi"/);
  await lab.hub.process.saw(/WARN.*denied: Cannot join as "hv".*key=pi/);
  const entry = (await pi.clients()).find(({ name }) => name === "pi");
  assertEquals(entry?.key, "pi");
});

Deno.test("rights: each right is refused to who has it not, and given to who has; refusals are logged and counted", async () => {
  await using lab = await hubWithRights({
    none: { subscribe: ["vacuum/#"], publish: ["vacuum/#"], to: ["hv"] },
    ...Object.fromEntries(RIGHTS.map((right) => [right, { may: [right] }])),
  });
  await using hv = await lab.join("main", "hv");
  for (
    const cmd of [
      "exec",
      "exec-kill",
      "start",
      "stop",
      "restart",
      "reload",
      "start-run",
      "stop-run",
    ]
  ) {
    hv.on(cmd, ({ from, id }) => hv.send({ cmd: "done", to: from, re: id }));
  }
  for (const cmd of ["make-safe", "safe", "get", "_log"]) {
    hv.on(cmd, ({ from, id }) => hv.send({ cmd: "done", to: from, re: id }));
  }
  await using none = await lab.join("none", "none");
  const needs: [right: string, message: Outgoing][] = [
    ["exec", { cmd: "exec", to: "hv" }],
    ["exec", { cmd: "exec-kill", to: "hv" }],
    ["run", { cmd: "start", to: "hv" }],
    ["run", { cmd: "stop", to: "hv" }],
    ["run", { cmd: "restart", to: "hv" }],
    ["run", { cmd: "reload", to: "hv" }],
    ["run", { cmd: "start-run", to: "hv" }],
    ["safe", { cmd: "make-safe", to: "hv" }],
    ["safe", { cmd: "safe", to: "hv", reason: "test", experiment: "lab" }],
    ["admin", { cmd: "_log", to: "hv", level: "debug" }],
    ["admin", { cmd: "_log", level: "debug" }],
    ["spy", { cmd: "_spy", on: true }],
    ["history", { cmd: "_history" }],
  ];
  for (const [right, message] of needs) {
    await denied(none.request(message), new RegExp(`the key "none" has no right "${right}"`));
    await using having = await lab.join(right, right);
    assert((await having.request(message)).cmd !== "_error");
  }
  assertEquals((await none.request({ cmd: "get", to: "hv" })).cmd, "done");
  await denied(none.request({ cmd: "get", to: "none" }), /may not send to "none"/);
  await denied(none.request({ cmd: "get", to: "*" }), /may not send to everybody/);
  await denied(none.request({ cmd: "state", topic: "run/hv/state" }), /may not publish on/);
  await denied(
    none.request({ cmd: "_subscribe", topics: ["#"] }),
    /may subscribe to vacuum\/# only/,
  );
  assertEquals((await none.request({ cmd: "_subscribe", topics: ["vacuum/+"] })).cmd, "_ok");
  await lab.hub.process.saw(/WARN.*denied: Cannot take exec: the key "none".*client=none key=none/);
  const stats = await none.request({ cmd: "_stats" });
  assertEquals(stats.denied, needs.length + 4);
});

Deno.test("rights: abcd's own commands take a name that the key may have, and say what it may not", async () => {
  await using lab = await hubWithRights({ shift: { may: ["spy"] } });
  await using hv = await lab.join("main", "hv");
  hv.on("get", (message) => hv.reply(message, { value: 7 }));
  const env = { ABCD_KEY: keyText(await deriveKey(main, "shift")) };
  await using spy = abcd(["spy", ...lab.hub.clientArgs], { env });
  await spy.saw(/joined: hub .* as shift-spy/);
  const line = (...words: string[]) =>
    runAbcd([words[0] ?? "", ...lab.hub.clientArgs, ...words.slice(1)], { env });
  const asked = await line("send", "to=hv", "cmd=get", "--wait=10");
  assertEquals(asked.code, 0, asked.stderr);
  assertMatch(asked.stdout, /"value":7/);
  const told = await line("reload", "--controller=hv");
  assertEquals(told.code, 1);
  assertMatch(told.stderr, /the key "shift" has no right "run" \(start, stop and restart/);
  const looked = await line("history", "--since=1h");
  assertEquals(looked.code, 1);
  assertMatch(looked.stderr, /no right "history"/);
  const named = await line("send", "--as=hv2", "to=hv", "cmd=get");
  assertEquals(named.code, 1);
  assertMatch(named.stderr, /Cannot join as "hv2": the key "shift" may not be called that/);
});

Deno.test("rights: abcd safe without the right says that nobody was told", async () => {
  await using lab = await hubWithRights({ guest: { may: ["run"] } });
  await using hv = await lab.join("main", "hv");
  const told: string[] = [];
  hv.on("safe", ({ cmd }) => void told.push(cmd));
  const ABCD_KEY = keyText(await deriveKey(main, "guest"));
  const safe = await runAbcd(["safe", "fire", ...lab.hub.clientArgs], { env: { ABCD_KEY } });
  assertEquals(safe.code, 1);
  assertMatch(safe.stderr, /Nobody was told "safe" from here, either: .* has no right "safe"/);
  await hv.flush();
  assertEquals(told, []);
});

Deno.test("rights: the rights file is read again when it changes; what is taken away is gone at once", async () => {
  await using lab = await hubWithRights({ pi: { may: ["spy"] }, old: {} });
  await using pi = await lab.join("pi", "pi");
  await using old = await lab.join("old", "old");
  const refused: string[] = [];
  pi.addEventListener("refused", ({ text }) => refused.push(text));
  old.addEventListener("lost", ({ reason }) => refused.push(reason));
  const seen: string[] = [];
  pi.spy({ cmd: ["x"] }, ({ n }) => void seen.push(String(n)));
  await pi.flush();
  await using hv = await lab.join("main", "hv");
  hv.send({ cmd: "x", n: 1, to: "hv" });
  await until(() => seen.length === 1, "the spy sees nothing");
  // A file with a mistake changes nothing.
  Deno.writeTextFileSync(lab.file, '{"keys": {"pi": {"my": []}}}');
  await lab.hub.process.saw(
    /rights\.jsonc:1:18: unknown key "my" in key pi, expected perhaps "may"/,
  );
  await lab.hub.process.saw(/the old rights go on/);
  hv.send({ cmd: "x", n: 2, to: "hv" });
  await until(() => seen.length === 2, "the spy has lost its right");

  lab.write({ pi: {} });
  await until(() => refused.length >= 2, () => `refused: ${refused}`);
  assertMatch(
    refused.sort().join("\n"),
    /no key "old"[^]*No longer spying: the key "pi" has no right "spy"/,
  );
  hv.send({ cmd: "x", n: 3, to: "hv" });
  await hv.flush();
  await pi.flush();
  assertEquals(seen, ["1", "2"]);
  await denied(lab.join("old", "old"), /no key "old"/);
  lab.write({ pi: { may: ["spy"] }, old: {} });
  await until(
    async () => (await pi.request({ cmd: "_spy", on: true }).catch(() => undefined))?.cmd === "_ok",
    "the right does not come back",
  );
});

Deno.test("rights: an error in the rights file at the start, and SIGHUP through the watchdog", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/rights.jsonc`;
  Deno.writeTextFileSync(file, '{"keys": {"pi": {"may": ["spi"]}},\n "opn": {}}');
  const few = [
    "server",
    "--http-port=0",
    "--tcp-port=0",
    "--bind=127.0.0.1",
    "--beacon-interval=0",
  ];
  const bad = await runAbcd([...few, `--rights=${file}`]);
  assertEquals(bad.code, 2);
  assertMatch(bad.stderr, /rights.jsonc:1:26: "may" of key pi has "spi".*expected perhaps "spy"/);
  assertMatch(bad.stderr, /rights.jsonc:2:2: unknown key "opn"/);
  const listed = await runAbcd(["key", "--list", `--rights=${file}`]);
  assertEquals([listed.code, listed.stdout], [2, ""]);
  Deno.writeTextFileSync(file, '{"keys": {"pi": {"may": ["spy"]}}}');
  const list = await runAbcd(["key", "--list", `--rights=${file}`]);
  assertMatch(
    list.stdout,
    /main\n +everything\n +pi\n +names +pi, pi-\*[^]*spy: see every message/,
  );
  await using hub = await TestHub.start([`--rights=${file}`], { open: false, watched: true });
  const mark = hub.process.stderr.length;
  hub.process.signal("SIGHUP");
  await until(
    () => /Read the rights of 1 keys/.test(hub.process.stderr.slice(mark)),
    () => `not read again: ${hub.process.stderr}`,
  );
});
