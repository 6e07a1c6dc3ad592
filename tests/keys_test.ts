// Keys as somebody meets them who should not get in, and somebody who should: false hubs, wrong keys,
// replays, stolen names, and each right.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { isProof, makeNonce, prove } from "../lib/keys/handshake.ts";
import { keyText, makeMainKey } from "../lib/keys/key.ts";
import { readKeyFile } from "../lib/keys/key_file.ts";
import { connect } from "../mod.ts";
import { CONFIG_HOME, testKey } from "./config_home.ts";
import { FalseHub, type Trick } from "./false_hub.ts";
import {
  abcd,
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
const closedHub = (args: readonly string[] = [], env: Record<string, string> = {}) =>
  TestHub.start(["--no-watchdog", "--name=lab", ...args], { open: false, env });

/** What the hub says to a message on plain TCP, in one line. */
async function answerOn(hub: TestHub, message: object, pattern = /\n/): Promise<string> {
  using client = await RawClient.connect(hub.tcpPort);
  await client.say(message);
  await client.saw(pattern);
  return client.text;
}

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

Deno.test("keys: a false hub gets neither a key, nor a client, nor a command executed", async () => {
  await using folder = await temporaryFolder();
  const beaconPort = freeUdpPort();
  await using hub = await closedHub([`--beacon-port=${beaconPort}`, "--beacon-interval=0"]);
  const health = await (await fetch(`http://${hub.address}/health`)).json();
  const tricks: Trick[] = ["welcome", "challenge", "refuse", "relay", "relay-as-it-is"];
  const marker = `${folder.path}/executed`;
  await using stop = new AsyncDisposableStack();
  const falseHubs = tricks.map((trick) =>
    stop.use(FalseHub.start({
      trick,
      beaconPort,
      name: "lab",
      id: health.id,
      command: { cmd: "exec", argv: ["touch", marker] },
      trueHub: hub.address,
    }))
  );
  const heard = `--beacon-port=${beaconPort}`;
  const lab = `${folder.path}/lab.jsonc`;
  Deno.writeTextFileSync(lab, '{"run": {}}');
  const execs = falseHubs.map(({ address }) =>
    stop.use(abcd(["exec", "--allow-all", "--server", address]))
  );
  const spy = stop.use(abcd(["spy", heard]));
  const run = stop.use(abcd(["run", lab, heard]));
  const visitors = (one: FalseHub) =>
    ["exec", "send", "spy", "run"].filter((name) =>
      one.heard.some((text) => text.includes(`"name":"${name}`))
    );
  const [send] = await Promise.all([
    runAbcd(["send", heard, "cmd=hello", "to=spy"]),
    ...execs.map((exec) => exec.end()),
    until(
      () => falseHubs.every((one) => visitors(one).length === 4),
      () => falseHubs.map((one) => `${one.options.trick}: ${visitors(one)}`).join("; "),
    ),
  ]);
  const refusal = /Cannot trust the hub|Go away|You reached this hub as/;
  for (const { code, stderr } of [send, ...execs.map(({ stderr }) => ({ code: 1, stderr }))]) {
    assertEquals(code, 1);
    assertMatch(stderr, refusal);
    assert(!stderr.includes("\x1b[2J"), "the false hub writes on the terminal");
  }
  for (const { stderr } of [...execs, spy, run]) assert(!/joined/i.test(stderr), stderr);
  assertEquals(await namesIn(hub), []);

  // What was said to it: introductions, none of which has a key or a proof in it.
  const all = falseHubs.flatMap((one) => one.heard).join("\n");
  assertMatch(all, /"cmd":"_init","name":"(exec|spy|run|send)/);
  assert(!all.includes("_proof"), all);
  const { secret } = main;
  const raw = Uint8Array.from(
    atob(secret.replaceAll("-", "+").replaceAll("_", "/")),
    (c) => c.charCodeAt(0),
  );
  const hex = Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const form of [secret, keyText(main), hex, btoa(secret)]) assert(!all.includes(form));
  await assertRejects(() => Deno.stat(marker), Deno.errors.NotFound);

  // The true hub is heard beside it: they find it.
  await using other = await closedHub([`--beacon-port=${beaconPort}`, "--beacon-interval=0.5"]);
  const found = new RegExp(`joined: hub "lab" at ${other.address}`);
  await spy.saw(found);
  await until(async () => (await namesIn(other)).includes("run"), "run has not joined");
  const again = await runAbcd(["send", heard, "cmd=hello", "to=spy"]);
  assertEquals(again.code, 0, again.stderr);
});

async function namesIn(hub: TestHub): Promise<string[]> {
  const clients = await (await fetch(`http://${hub.address}/clients`)).json();
  return clients.map(({ name }: { name: string }) => name);
}

Deno.test("keys: exec runs nothing for a hub that has shown no key, unless told", async () => {
  await using folder = await temporaryFolder();
  const env = { XDG_CONFIG_HOME: `${folder.path}/empty` };
  await using hub = await TestHub.start(["--no-watchdog"]);
  await using careful = abcd(["exec", "--allow", "id", ...hub.clientArgs], { env });
  await careful.saw(/there is no key here.*abcd key/);
  await using told = abcd(["exec", "--allow", "id", "--open", ...hub.clientArgs], { env });
  await told.saw(/exec: ready/);
  assert(!/ready/.test(careful.stderr), careful.stderr);
  // A hub of another key, and --open: joined all the same, with a word about it.
  await using other = await temporaryFolder();
  const key = keyText(makeMainKey());
  const stranger = { XDG_CONFIG_HOME: other.path, ABCD_KEY: key };
  const line = ["send", ...hub.clientArgs, "to=exec", "cmd=exec", "line=id", "--wait=10"];
  const refused = await runAbcd(line, { env: stranger });
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "--open to join it all the same");
  const taken = await runAbcd([...line, "--open"], { env: stranger });
  assertEquals(taken.code, 0, taken.stderr);
  assertStringIncludes(taken.stdout, "exec-exit");
});

Deno.test("keys: a replay, a wrong key, a made-up proof, no key: refused, logged, counted, slowed down", async () => {
  await using hub = await closedHub();
  const address = `127.0.0.1:${hub.tcpPort}`;
  const init = (fields = {}) => ({
    cmd: "_init",
    name: "victim",
    key: "main",
    nonce: makeNonce(),
    address,
    ...fields,
  });
  async function challenged(client: RawClient, message: ReturnType<typeof init>) {
    await client.say(message);
    const [line] = await client.saw(/\{"cmd":"_challenge".*\n/);
    const { nonce: hubNonce, proof, hub: name } = JSON.parse(line);
    const { nonce: clientNonce } = message;
    const joining = {
      key: message.key,
      client: message.name,
      hub: name,
      clientNonce,
      hubNonce,
      address,
      certificate: "",
    };
    return { joining, proof };
  }
  // Somebody listens to a good client …
  const first = init();
  let proof: string;
  {
    using good = await RawClient.connect(hub.tcpPort);
    const { joining, proof: hubProof } = await challenged(good, first);
    assert(await isProof("hub", main, joining, hubProof));
    proof = await prove("client", main, joining);
    await good.say({ cmd: "_proof", proof });
    await good.saw(/"_welcome","name":"victim"/);
  }
  await until(async () => (await namesIn(hub)).length === 0, "the victim is still there");
  // … and says the same again; makes something up; gives the hub its own proof back.
  const wrong: ((given: { proof: string }) => string)[] = [
    () => proof,
    () => "0".repeat(64),
    (given) => given.proof,
  ];
  for (const answer of wrong) {
    using client = await RawClient.connect(hub.tcpPort);
    const given = await challenged(client, first);
    await client.say({ cmd: "_proof", proof: answer(given) });
    await client.saw(/"code":"denied","text":"Cannot take the proof/);
    await client.end();
    assert(!client.text.includes("_welcome"));
  }
  await hub.process.saw(/WARN.*denied: Cannot take the proof.*name=victim key=main/);
  // The fourth failure has to wait; a right key meanwhile has not.
  {
    using client = await RawClient.connect(hub.tcpPort);
    const given = await challenged(client, init());
    const began = performance.now();
    await client.say({ cmd: "_proof", proof: given.proof });
    await using good = await connect({ name: "good", server: hub.address });
    assertEquals(good.hub?.proven, true);
    assert(!client.text.includes("denied"), "the refusal did not wait");
    await client.saw(/"code":"denied"/);
    assert(performance.now() - began > 400, "the refusal did not wait");
    const stats = await good.request({ cmd: "_stats" });
    assert(Number(stats.denied) >= 4, JSON.stringify(stats));
  }
  await using second = await closedHub();
  const init2 = (fields: object) => init({ address: `127.0.0.1:${second.tcpPort}`, ...fields });
  // Without a key, with the ID of one that there is not, for another address, before the proof.
  const others: [message: object, words: RegExp][] = [
    [{ cmd: "_init", name: "x" }, /This hub asks for a key/],
    [init2({ key: "nobody" }), /This hub has no key \\"nobody\\"/],
    [init2({ address: "192.0.2.1:9818" }), /You reached this hub as 192.0.2.1:9818/],
    [init2({ nonce: "1" }), /\\"nonce\\" is not/],
    [init2({ key: keyText(main) }), /takes no key in plain text/],
  ];
  await Promise.all(others.map(async ([message, words]) => {
    const text = await answerOn(second, message, /_error/);
    assertMatch(text, /"code":"denied"/);
    assertMatch(text, words);
  }));
  {
    using client = await RawClient.connect(hub.tcpPort);
    await challenged(client, init());
    await client.say({ cmd: "exec", to: "exec", argv: ["id"] });
    await client.saw(/"code":"not-joined".*waits for _proof/);
  }
  assertEquals(await namesIn(hub), []);
  assert(!hub.process.stderr.includes(main.secret));
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
  await using open = await TestHub.start(["--no-watchdog"]);
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
  const text = await answerOn(hub, { cmd: "_init", name: "x", key: keyText(makeMainKey()) });
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
  await using hub = await TestHub.start(["--no-watchdog", "--origin=http://lab.example"]);
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
