// A hub that speaks TLS: found and joined with nothing typed, its certificate held against its key.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CERTIFICATE_NAME, fingerprint, makeCertificate } from "../lib/tls/certificate.ts";
import { decodePem, encodePem } from "../lib/tls/der.ts";
import { askCertificate } from "../lib/tls/hello.ts";
import { connect } from "../mod.ts";
import { hasOpenssl, makeAuthority } from "./authority.ts";
import { abcd, freeTcpPort, runAbcd, Running, temporaryFolder, TestHub, until } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

/** Passes bytes on to a hub, and keeps those of the clients. */
class Between implements AsyncDisposable {
  readonly heard: Uint8Array[] = [];
  readonly #listener: Deno.Listener;
  readonly #serving: Promise<void>;

  /** @param outside How it speaks to clients, `inside` to the hub: TLS with a certificate, or plain. */
  constructor(
    readonly port: number,
    hub: number,
    outside: { certificate: string; privateKey: string } | undefined,
    inside: "tls" | "plain",
  ) {
    const hostname = "127.0.0.1";
    this.#listener = outside === undefined
      ? Deno.listen({ hostname, port })
      : Deno.listenTls({ hostname, port, cert: outside.certificate, key: outside.privateKey });
    this.#serving = this.#serve(async () => {
      const address = { hostname, port: hub };
      const tcp = await Deno.connect(address);
      if (inside === "plain") return tcp;
      const caCerts = [encodePem("CERTIFICATE", await askCertificate(address, 10))];
      return await Deno.startTls(tcp, { hostname: CERTIFICATE_NAME, caCerts });
    });
  }

  async #serve(open: () => Promise<Deno.Conn>): Promise<void> {
    try {
      for await (const client of this.#listener) {
        const keep = new TransformStream<Uint8Array, Uint8Array>({
          transform: (bytes, next) => {
            this.heard.push(bytes.slice());
            next.enqueue(bytes);
          },
        });
        open().then((hub) => {
          client.readable.pipeThrough(keep).pipeTo(hub.writable).catch(() => {});
          hub.readable.pipeTo(client.writable).catch(() => {});
        }, () => client.close());
      }
    } catch {
      // closed
    }
  }

  /** What clients have sent, as far as it is text. */
  get text(): string {
    const decoder = new TextDecoder("latin1");
    return this.heard.map((bytes) => decoder.decode(bytes)).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

/** A hub with TLS; the address `127.0.0.1:through` is one of its own. */
const tlsHub = (args: readonly string[] = [], env: Record<string, string> = {}) =>
  TestHub.start(["--name=lab", ...args], { open: false, env });

Deno.test("tls: a hub with its own certificate is found by UDP and by address; it keeps the certificate", async () => {
  await using folder = await temporaryFolder();
  const env = { XDG_CONFIG_HOME: folder.path };
  let fingerprint: string | undefined;
  for (const round of [1, 2]) {
    await using hub = await tlsHub(["--tls-self-signed", "--beacon-interval=0.2"], env);
    const [, shown] = await hub.process.saw(/both speak TLS.*fingerprint (\S{43})/);
    fingerprint ??= shown;
    assertEquals(shown, fingerprint, "another certificate");
    const heard = [`--beacon-port=${hub.beaconPort}`];
    await using spy = abcd(["spy", ...heard, "--json"], { env });
    await spy.saw(/joined: hub "lab"/);
    const places = [hub.clientArgs, heard, ["--server", `localhost:${hub.httpPort}`]];
    for (const where of round === 1 ? places : places.slice(0, 1)) {
      const sent = await runAbcd(["send", ...where, "to=spy", "cmd=hello", `n:=${round}`], { env });
      assertEquals(sent.code, 0, sent.stderr);
    }
    await spy.saw(/"hello"/);
  }
  assertEquals((Deno.statSync(`${folder.path}/abcd/tls.pem`).mode ?? 0) & 0o777, 0o600);
});

Deno.test("tls: a Python program finds the hub, by UDP and by address, and talks", async () => {
  const python = await new Deno.Command("python3", { args: ["--version"] }).output().then(
    ({ success }) => success,
    () => false,
  );
  if (!python) return console.warn("there is no python3: abcd.py is not tested with TLS");
  await using hub = await tlsHub(["--tls-self-signed", "--beacon-interval=0.2", "--heartbeat=1"]);
  await using client = await connect({ name: "client", server: hub.address });
  const program = `
import abcd
hub = abcd.Client()
for message in hub:
    hub.reply(message, value=2 * message["value"])
`;
  const places = {
    heard: { ABCD_BEACON_PORT: `${hub.beaconPort}` },
    told: { ABCD_SERVER: hub.address },
  };
  for (const [name, env] of Object.entries(places)) {
    await using running = new Running(["python3", "-u", "-c", program], {
      env: {
        PYTHONPATH: new URL("../experiments/", import.meta.url).pathname,
        PYTHONDONTWRITEBYTECODE: "1",
        ABCD_NAME: name,
        ...env,
      },
    });
    await running.saw(/in hub "lab"/);
    await hub.process.saw(new RegExp(`${name} joined.*transport=tls key=main`));
    for (const value of [1, 2, 3]) {
      const answer = await client.request({ cmd: "double", to: name, value });
      assertEquals(answer.value, 2 * value);
    }
    running.signal("SIGTERM");
    await hub.process.saw(new RegExp(`${name} left: the client closed the connection\n`));
  }
});

Deno.test("tls: nothing of what is said can be read on the way; who ends TLS on the way is no hub", async () => {
  const through = freeTcpPort();
  const own = ["--tls-self-signed", `--address=127.0.0.1:${through}`];
  await using hub = await tlsHub(own);
  const join = (signal?: AbortSignal) =>
    connect({ name: "client", server: `127.0.0.1:${through}`, timeoutSec: 20, signal });
  {
    await using wire = new Between(through, hub.httpPort, undefined, "plain");
    await using client = await join();
    assertEquals(client.hub?.proven, true);
    client.send({ cmd: "secret-thing", topic: "a/b" });
    await client.flush();
    assert(wire.heard.length > 3);
    for (const word of ["_init", "_proof", "secret-thing", "client"]) {
      assert(!wire.text.includes(word), word);
    }
  }
  // With a certificate of his own; or as if the hub spoke no TLS: everything is passed on as it is.
  const his = await makeCertificate([], new Date());
  for (const [outside, words] of [[his, /_init/], [undefined, /GET \/ws/]] as const) {
    await using evil = new Between(through, hub.httpPort, outside, "tls");
    const why = await join().then(() => "joined", (error) => String(error));
    assertMatch(why, /Cannot trust the hub "lab".*does not have the key/);
    assertMatch(evil.text, words);
    assert(!evil.text.includes("_proof"));
  }
  const clients = await connect({ name: "look", server: hub.address });
  try {
    assertEquals((await clients.clients()).map(({ name }) => name), ["look"]);
  } finally {
    await clients.close();
  }
});

Deno.test("tls: a certificate that is given, with plain TCP open beside it; and what cannot be", async () => {
  await using folder = await temporaryFolder();
  const [cert, key] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`];
  const made = await makeCertificate(["daq"], new Date());
  Deno.writeTextFileSync(cert, made.certificate);
  Deno.writeTextFileSync(key, made.privateKey);
  await using hub = await tlsHub([`--cert=${cert}`, `--key=${key}`, "--open-tcp"]);
  await hub.process.saw(/HTTP speaks TLS, plain TCP does not/);
  using old = await RawClient.connect(hub.tcpPort);
  await old.say('{"cmd":"_init","name":"old"}');
  await old.saw(/_welcome/);
  const http = Deno.createHttpClient({ caCerts: [made.certificate] });
  try {
    const answer = await fetch(`https://localhost:${hub.httpPort}/clients`, { client: http });
    assertEquals((await answer.json()).length, 1);
  } finally {
    http.close();
  }
  // A client that thinks otherwise, and rubbish, do not stay.
  using plain = await RawClient.connect(hub.httpPort);
  await plain.say("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  await plain.end();
  assert(!plain.text.includes("HTTP/1.1 200"));
  const sent = await runAbcd(["send", ...hub.clientArgs, "to=old", "cmd=hello"]);
  assertEquals(sent.code, 0, sent.stderr);
  await until(() => old.text.includes("hello"), "it did not come");

  const few = ["server", "--http-port=0", "--tcp-port=0", "--beacon-interval=0"];
  const wrong: [args: string[], code: number, words: RegExp][] = [
    [[`--cert=${cert}`], 2, /--cert and --key.*go together/],
    [[`--cert=${cert}`, `--key=${key}`, "--tls-self-signed"], 2, /give either/],
    [[`--cert=${folder.path}/no`, `--key=${key}`], 1, /Cannot read the certificate .*\/no/],
    [[`--cert=${key}`, `--key=${key}`], 1, /Cannot use the certificate/],
    [[`--cert=${cert}`, `--key=${cert}`], 1, /Cannot use the private key.*--key-file/],
  ];
  await Promise.all(wrong.map(async ([args, code, words]) => {
    const said = await runAbcd([...few, ...args]);
    assertEquals(said.code, code, said.stderr);
    assertMatch(said.stderr, words);
  }));
  assert(decodePem("CERTIFICATE", made.certificate) !== undefined);
});

Deno.test("tls: a certificate of an authority is taken by who trusts it, wherever the hub is reached", async () => {
  if (!await hasOpenssl()) return console.warn("there is no openssl: no authority is tested");
  await using folder = await temporaryFolder();
  const files = { cert: `${folder.path}/cert.pem`, key: `${folder.path}/key.pem` };
  const authority = await makeAuthority(folder.path);
  await authority.sign(files, ["DNS:*.daq.lab", "DNS:daq.lab"]);
  await using hub = await tlsHub(
    [`--cert=${files.cert}`, `--key=${files.key}`, "--beacon-interval=0.2"],
  );
  const send = async (args: readonly string[], env: Record<string, string> = {}) => {
    const done = await runAbcd(["send", "cmd=_stats", "--wait=5", "--timeout=2", ...args], { env });
    return { code: done.code, said: done.stdout + done.stderr };
  };
  const joined = await Promise.all([
    send([...hub.clientArgs, "--ca", authority.file]),
    send([`--beacon-port=${hub.beaconPort}`], { ABCD_CA: authority.file }),
    send(["--server", `localhost:${hub.tcpPort}`], { DENO_CERT: authority.file }),
  ]);
  for (const { code, said } of joined) assertEquals(code, 0, said);
  {
    const http = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(authority.file)] });
    const page = `https://localhost:${hub.httpPort}/health`;
    const why = await fetch(page, { client: http }).then((answer) => answer.text(), String);
    http.close();
    assertMatch(why, /TypeError/, "the certificate of the test is for localhost, too");
  }

  const other = `${folder.path}/other.pem`;
  Deno.writeTextFileSync(other, (await makeCertificate([], new Date())).certificate);
  const refused: [args: readonly string[], words: RegExp][] = [
    [[], /\(for \*\.daq\.lab, daq\.lab\) is of an authority.*not know.*--ca or in ABCD_CA/],
    [["--ca", other], /not know, nor is it in the file of --ca/],
    [["--ca", files.key], /authorities .*key\.pem: there is none in it/],
  ];
  await Promise.all(refused.map(async ([args, words]) => {
    const { code, said } = await send([...hub.clientArgs, "--timeout=1", ...args]);
    assertEquals(code, 1);
    assertMatch(said, words);
  }));

  // Renewed, with a private key that comes later: who is there stays, who comes meets the new one.
  await using before = await connect({ name: "before", server: hub.address, ca: authority.file });
  let lost = "";
  before.addEventListener("lost", ({ reason }) => lost = reason);
  const fingerprintOf = async (port: number) =>
    await fingerprint(await askCertificate({ hostname: "127.0.0.1", port }, 10));
  const fingerprintNow = () => fingerprintOf(hub.httpPort);
  const first = await fingerprintNow();
  await authority.sign({ ...files, key: `${folder.path}/later.pem` }, ["DNS:daq.lab"]);
  await hub.process.saw(/key\.pem is the private key of another one; the old certificate goes on/);
  assertEquals(await fingerprintNow(), first);
  Deno.renameSync(`${folder.path}/later.pem`, files.key);
  await hub.process.saw(/shows the certificate that is in .*cert\.pem now/);
  const renewed = await fingerprintNow();
  assert(renewed !== first);
  assertEquals(await fingerprintOf(hub.tcpPort), renewed);
  const after = await send([`--beacon-port=${hub.beaconPort}`, "--ca", authority.file]);
  assertEquals(after.code, 0, after.said);
  assertEquals((await before.clients()).map(({ name }) => name), ["before"]);
  assertEquals(lost, "");

  // Past its date.
  await authority.sign(files, ["DNS:daq.lab"], [-60, -30]);
  await hub.process.saw(/certificate \S+ ended at .*no client takes it/);
  const late = await send([...hub.clientArgs, "--timeout=1", "--ca", authority.file]);
  assertEquals(late.code, 1);
  assertMatch(late.said, /\(for daq\.lab\) was good until \d{4}-\d\d-\d\d: renew it/);
});
