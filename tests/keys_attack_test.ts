// Keys as somebody meets them who should not get in: false hubs, wrong keys, replays, made-up proofs.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { isProof, makeNonce, prove } from "../lib/keys/handshake.ts";
import { keyText, makeMainKey } from "../lib/keys/key.ts";
import { connect } from "../mod.ts";
import { testKey } from "./config_home.ts";
import { FalseHub, type Trick } from "./false_hub.ts";
import {
  abcd,
  closedHub,
  freeUdpPort,
  runAbcd,
  temporaryFolder,
  TestHub,
  until,
} from "./harness.ts";
import { namesAt, RawClient } from "./raw_client.ts";

const main = testKey();

/** What the hub says to a message on plain TCP, in one line. */
async function answerOn(hub: TestHub, message: object, pattern = /\n/): Promise<string> {
  using client = await RawClient.connect(hub.tcpPort);
  await client.say(message);
  await client.saw(pattern);
  return client.text;
}

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
  assertEquals(await namesAt(hub.httpPort), []);

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
  await until(async () => (await namesAt(other.httpPort))?.includes("run"), "run has not joined");
  const again = await runAbcd(["send", heard, "cmd=hello", "to=spy"]);
  assertEquals(again.code, 0, again.stderr);
});

Deno.test("keys: exec runs nothing for a hub that has shown no key, unless told", async () => {
  await using folder = await temporaryFolder();
  const env = { XDG_CONFIG_HOME: `${folder.path}/empty` };
  await using hub = await TestHub.start();
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
  await until(async () => (await namesAt(hub.httpPort))?.length === 0, "the victim is still there");
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
  assertEquals(await namesAt(hub.httpPort), []);
  assert(!hub.process.stderr.includes(main.secret));
});
