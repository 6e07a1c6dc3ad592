// Keys as somebody meets them who should get in, and what is open to whom beside them.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { keyText, makeMainKey } from "../lib/keys/key.ts";
import { readKeyFile } from "../lib/keys/key_file.ts";
import { connect } from "../mod.ts";
import { CONFIG_HOME, testKey } from "./config_home.ts";
import {
  abcd,
  closedHub,
  freeUdpPort,
  runAbcd,
  Running,
  temporaryFolder,
  TestHub,
  until,
  within,
} from "./harness.ts";
import { RawClient } from "./raw_client.ts";

const main = testKey();

Deno.test("keys: programs of one user join with nothing typed; who has no key is told what to do", async () => {
  await using folder = await temporaryFolder();
  // The very first start: there is no key yet, and a program waits for the hub already.
  const env = { XDG_CONFIG_HOME: folder.path };
  const beaconPort = freeUdpPort();
  await using spy = abcd(["spy", `--beacon-port=${beaconPort}`], { env });
  await spy.saw(/searching/);
  await using hub = await closedHub([`--beacon-port=${beaconPort}`], env);
  await hub.process.saw(new RegExp(`made a new key in ${folder.path}/abcd/key`));
  assert(!/anybody/i.test(hub.process.stderr), hub.process.stderr);
  await spy.saw(/joined: hub "lab"/);
  assertEquals((Deno.statSync(`${folder.path}/abcd/key`).mode ?? 0) & 0o777, 0o600);
  const sent = await runAbcd(["send", ...hub.clientArgs, "to=spy", "cmd=hello"], { env });
  assertEquals(sent.code, 0, sent.stderr);

  await using other = await temporaryFolder();
  const without = await runAbcd(["send", ...hub.clientArgs, "to=spy", "cmd=hello"], {
    env: { XDG_CONFIG_HOME: other.path },
  });
  assertEquals(without.code, 1);
  assertMatch(without.stderr, /asks for a key.*"abcd key" on the hub's computer/);
  await hub.process.saw(/WARN.*denied: This hub asks for a key.*name=send/);
  // The key goes over: shown there, put in its place here.
  const key = await runAbcd(["key"], { env });
  await using set = abcd(["key", "--set"], {
    stdin: "piped",
    env: { XDG_CONFIG_HOME: other.path },
  });
  await set.type(key.stdout);
  await set.endInput();
  assertEquals((await set.end()).code, 0, set.stderr);
  const ways: { args?: string[]; env: Record<string, string> }[] = [
    { env: { XDG_CONFIG_HOME: other.path } },
    { env: { XDG_CONFIG_HOME: "/none", ABCD_KEY: key.stdout.trim() } },
    { env: { XDG_CONFIG_HOME: "/none", ABCD_KEY_FILE: `${other.path}/abcd/key` } },
    { env: { XDG_CONFIG_HOME: "/none" }, args: [`--key-file=${other.path}/abcd/key`] },
  ];
  for (const { args = [], env } of ways) {
    const { code, stderr } = await runAbcd(
      ["send", ...hub.clientArgs, ...args, "to=spy", "cmd=hello"],
      { env },
    );
    assertEquals(code, 0, stderr);
  }
  assert(!(hub.process.stderr + hub.process.stdout).includes(key.stdout.trim().slice(5)));
});

Deno.test("keys: a new key closes who came with the old one; programs of the user come back by themselves", async () => {
  await using folder = await temporaryFolder();
  const env = { XDG_CONFIG_HOME: folder.path };
  await using hub = await closedHub([], env);
  const keyFile = `${folder.path}/abcd/key`;
  const oldKey = readKeyFile(keyFile);
  assert(oldKey !== undefined);
  await using thief = await connect({ name: "thief", key: keyText(oldKey), server: hub.address });
  await using spy = abcd(["spy", ...hub.clientArgs], { env });
  await spy.saw(/joined: hub/);
  const lost = new Promise<string>((resolve) =>
    thief.addEventListener("lost", ({ reason }) => resolve(reason))
  );
  const refused = new Promise<string>((resolve) =>
    thief.addEventListener("refused", ({ text }) => {
      if (text.includes("Cannot trust")) resolve(text);
    })
  );
  const made = await runAbcd(["key", "--new"], { env });
  assertEquals(made.code, 0, made.stderr);
  await within(lost, 20_000, "the thief stays");
  await spy.saw(/joined again: hub/);
  assertMatch(await within(refused, 20_000, "the thief is not refused"), /does not have the key/);
});

Deno.test("keys: --open-tcp is for plain TCP alone, and for ordinary messages; --open is said", async () => {
  await using hub = await closedHub(["--open-tcp"]);
  await hub.process.saw(
    /WARN.*Anybody who reaches 127.0.0.1:\d+ \(plain TCP\) may join without a key/,
  );
  using old = await RawClient.connect(hub.tcpPort);
  await old.say('{"cmd":"_init","name":"old"}');
  await old.saw(/_welcome/);
  await using hv = await connect({ name: "hv", server: hub.address });
  const got: string[] = [];
  for (const cmd of ["get", "exec"]) hv.on(cmd, () => void got.push(cmd));
  await old.say('{"cmd":"exec","to":"hv","argv":["id"]}');
  await old.saw(/denied.*who has no key has no right \\"exec\\"/);
  await old.say('{"cmd":"get","to":"hv"}');
  await until(() => got.length > 0, "nothing came");
  assertEquals(got, ["get"]);
  await assertRejects(
    () => connect({ name: "web", keyFile: "/dev/null", server: hub.address }),
    Error,
  );
  const socket = new WebSocket(`ws://${hub.address}/ws`);
  const heard: string[] = [];
  const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
  socket.onopen = () => socket.send('{"cmd":"_init","name":"web"}');
  socket.onmessage = ({ data }) => void heard.push(String(data));
  await within(closed, 20_000, "not closed");
  assertMatch(heard.join(), /"code":"denied"/);
  await using open = await TestHub.start();
  await open.process.saw(/WARN.*The hub is open: anybody/);
});

/** All that is in the files of a folder and of those in it, as text. */
function filesIn(folder: string): string {
  return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesIn(path) : new TextDecoder().decode(Deno.readFileSync(path));
  }).join("\n");
}

Deno.test("keys: a key in plain text, where that is allowed, is neither kept, nor shown, nor logged", async () => {
  await using folder = await temporaryFolder();
  await using hub = await closedHub(["--plain-keys", "--log-level=debug"], {
    XDG_STATE_HOME: folder.path,
  });
  await hub.process.saw(/WARN.*Keys in plain text are taken/);
  await using spy = await connect({ name: "spy", server: hub.address });
  const seen: string[] = [];
  spy.spy(undefined, (message) => void seen.push(JSON.stringify(message)));
  await spy.flush();
  using simple = await RawClient.connect(hub.tcpPort);
  await simple.say({ cmd: "_init", name: "simple", key: keyText(main) });
  await simple.saw(/_welcome.*\n/);
  await simple.say({ cmd: "_init", name: "simple", key: keyText(main), id: "again" });
  await simple.saw(/_welcome.*"re":"again"/);
  using other = await RawClient.connect(hub.tcpPort);
  await other.say({ cmd: "_init", name: "x", key: keyText(makeMainKey()) });
  const [text] = await other.saw(/.*\n/);
  assertMatch(text, /"code":"denied","text":"Cannot take the key: it is not the key \\"main\\"/);
  // Nor is a word of what cannot be read: from a stranger, and from who is in.
  const { secret } = main;
  const wrong = [
    `{"cmd":"_init","name":"y","key":main.${secret}}`,
    `{"cmd":"_init","name":"y","key":"main.${secret},"info":{}}`,
    `{"cmd":"_init","name":"y" "key":"main.${secret}"}`,
    `{'cmd':'_init','name':'y','key':'main.${secret}'}`,
    `{"cmd":"_init","name":"y","key":x${secret}}`,
  ];
  for (const line of wrong) {
    using stranger = await RawClient.connect(hub.tcpPort);
    // Quotes in it may leave a string open until the line ends.
    await stranger.say(`${line}\n`);
    seen.push((await stranger.saw(/"code":"bad-json".*\n/))[0]);
    await simple.say(`${line}\n`);
  }
  await simple.say({ cmd: "_clients", id: "after" });
  await simple.saw(/"re":"after"/);
  seen.push(simple.text);
  await until(() => seen.some((text) => text.includes("joined")), "nothing is seen");
  const kept = await spy.request({ cmd: "_history" });
  assertMatch(JSON.stringify(kept), /"_init".*"simple"/);
  await hub.process.saw(/turned away: Cannot read the message as JSON/);
  const health = await (await fetch(`http://${hub.address}/clients`)).text();
  await hub[Symbol.asyncDispose]();
  const files = filesIn(folder.path);
  assertMatch(files, /"_init".*"simple"/);
  const { stderr, stdout } = hub.process;
  const all = [...seen, JSON.stringify(kept), stderr, stdout, health, files].join("\n");
  for (let i = 0; i + 8 <= secret.length; i++) {
    const part = secret.slice(i, i + 8);
    assert(!all.includes(part), `a part of the key, ${part}, is in: ${all}`);
  }
});

Deno.test("keys: web pages may not join, but for those that are named", async () => {
  await using hub = await TestHub.start(["--origin=http://lab.example"]);
  const upgrade = async (origin: string) => {
    using client = await RawClient.connect(hub.httpPort);
    await client.say(
      `GET /ws HTTP/1.1\r\nHost: ${hub.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n` +
        `Origin: ${origin}\r\n\r\n`,
    );
    return (await client.saw(/^HTTP\S+ (\d+)/))[1];
  };
  assertEquals(await upgrade("http://evil.example"), "403");
  assertEquals(await upgrade("null"), "403");
  assertEquals(await upgrade("http://lab.example"), "101");
  assertEquals(await upgrade(`http://${hub.address}`), "101");
});

Deno.test("keys: a Python program joins by the challenge, and takes no false hub", async () => {
  const python = await new Deno.Command("python3", { args: ["--version"] }).output().then(
    ({ success }) => success,
    () => false,
  );
  if (!python) return console.warn("there is no python3: the Python program is not tested");
  const source = await Deno.readTextFile(new URL("./join_with_key.py", import.meta.url));
  await using hub = await closedHub(["--heartbeat=0.2", "--timeout=2"]);
  const program = (keyFile: string) => [
    "python3",
    "-u",
    "-c",
    source.replace("9818", `${hub.tcpPort}`).replace("~/.config/abcd/key", keyFile),
  ];
  await using good = new Running(program(`${CONFIG_HOME}/abcd/key`));
  await hub.process.saw(/mine joined.*transport=tcp key=main/);
  const sent = await runAbcd(["send", ...hub.clientArgs, "to=mine", "cmd=hello", "n:=1"]);
  assertEquals(sent.code, 0, sent.stderr);
  await good.saw(/'cmd': 'hello'/);
  // Longer than the hub waits for somebody who does not answer.
  await until(
    async () => {
      const [mine] = await (await fetch(`http://${hub.address}/clients`)).json();
      return mine?.name === "mine" && mine.received > 5;
    },
    "the program does not answer pings",
  );
  await using folder = await temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/key`, keyText(makeMainKey()));
  await using bad = new Running(program(`${folder.path}/key`));
  assertEquals((await bad.end()).code, 1);
  assertMatch(bad.stderr, /Not our hub/);
});
