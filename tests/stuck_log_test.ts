// Nobody reads what a program writes: a pager that is stopped, a terminal on which Ctrl-S was pressed.
// Its work goes on, and so does its end; what is missing is said when somebody reads.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../lib/client.ts";
import {
  abcdCommand,
  freeTcpPort,
  freeUdpPort,
  PATIENCE_MS,
  Running,
  temporaryFolder,
  TestHub,
  until,
  within,
} from "./harness.ts";
import { Lab } from "./run_lab.ts";

const isUnix = Deno.build.os !== "windows";
/** What a pipe takes before somebody has to read, in bytes; Linux. */
const PIPE_BYTES = 65_536;

/** A pipe that is full, and whose reader does not read until it is told to. */
class FullPipe implements AsyncDisposable {
  private constructor(readonly path: string, readonly reader: Deno.FsFile) {}

  static async create(folder: string): Promise<FullPipe> {
    const path = `${folder}/pipe-${crypto.randomUUID()}`;
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert(success, "mkfifo");
    // For both: opening one end alone waits for the other, in some versions of Deno with all else.
    const both = await Deno.open(path, { read: true, write: true });
    await both.write(new Uint8Array(PIPE_BYTES).fill("x".charCodeAt(0)));
    return new FullPipe(path, both);
  }

  /** Starts abcd with its standard error, or its standard output, in this pipe. */
  start(args: readonly string[], env: Record<string, string> = {}, stream = 2): Running {
    const shell = ["sh", "-c", `exec "$@" ${stream}>"$0"`, this.path];
    return new Running([...shell, ...abcdCommand(), ...args], { env });
  }

  /** Reads until this is there; gives all that was read. */
  async read(pattern: RegExp): Promise<string> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(PIPE_BYTES);
    let text = "";
    await until(async () => {
      const reading = this.reader.read(buffer);
      const count = await within(reading, PATIENCE_MS, () => `${pattern} in ${text.slice(-2000)}`);
      text += decoder.decode(buffer.subarray(0, count ?? 0), { stream: true });
      return pattern.test(text) || count === null;
    }, () => `${pattern} in ${text.slice(-2000)}`);
    return text.replace(/^x+/, "");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.reader.close();
    return Promise.resolve();
  }
}

/** A hub that closes clients which say nothing for a short time; it looks each second. */
const QUICK = ["--heartbeat=0.5", "--timeout=2"];

/** What the hub tells of itself. */
async function hubStats(hub: TestHub): Promise<{ readonly uptime: number }> {
  return await (await fetch(`http://${hub.address}/health`)).json();
}

Deno.test({
  name: "a log that nobody reads: hub and exec serve on, and end when told to",
  ignore: !isUnix,
  async fn() {
    await using folder = await temporaryFolder();
    await using pipe = await FullPipe.create(folder.path);
    const httpPort = freeTcpPort();
    await using hub = pipe.start([
      ...["server", "--bind=127.0.0.1", `--http-port=${httpPort}`, "--tcp-port=0", "--open"],
      ...[`--beacon-port=${freeUdpPort()}`, "--no-journal"],
    ]);
    const server = `127.0.0.1:${httpPort}`;
    await using exec = pipe.start(["exec", "--allow=echo", `--server=${server}`]);
    await using client = await within(connect({ name: "asker", server }), 10_000, "no hub");
    await until(
      async () => {
        const { clients } = await client.request({ cmd: "_clients" });
        return JSON.stringify(clients).includes('"exec"');
      },
      "exec is not in the hub",
    );
    for (const id of ["1", "2"]) {
      const ended = Promise.withResolvers<unknown>();
      const off = client.on("exec-exit", ({ re, code }) => {
        if (re === id) ended.resolve(code);
      });
      client.send({ cmd: "exec", to: "exec", id, argv: ["echo", id] });
      assertEquals(await within(ended.promise, 10_000, `no end of ${id}`), 0);
      off();
    }
    for (const running of [exec, hub]) {
      running.signal("SIGTERM");
      assertEquals((await running.end(10_000)).code, 0);
    }
  },
});

Deno.test({
  name: "a log that nobody reads: programs are started again; when it is read, the gap is told",
  ignore: !isUnix,
  async fn() {
    await using hub = await TestHub.start();
    await using lab = await Lab.create({
      bad: {
        cmd: "cat lines; exit 3",
        shell: true,
        restartSec: 0.001,
        restartMaxSec: 0.001,
      },
    });
    const lines = Array.from({ length: 20 }, (_, i) => `${i + 1}`.padStart(1000, "0") + "\n");
    await Deno.writeTextFile(`${lab.path}/lines`, lines.join(""));
    await using pipe = await FullPipe.create(lab.path);
    await using run = pipe.start(["run", `${lab.path}/lab.jsonc`, ...hub.clientArgs], {
      XDG_STATE_HOME: `${lab.path}/state`,
    });
    await using client = await connect({ name: "asker", server: hub.address });
    // Of each end there are more than 20 kB of lines; only 1 MB of them may wait. A slow computer takes
    // half a second for each.
    const isFull = async () => {
      try {
        const { programs } = await client.request({ cmd: "status", to: "run" });
        const [bad] = Array.isArray(programs) ? programs : [];
        return Number(Object(bad).restarts) > 60;
      } catch {
        return false; // it is not in the hub yet
      }
    };
    await until(isFull, "it is not started again", 3 * PATIENCE_MS);
    const text = await pipe.read(/lines are missing[^]*bad: starting → backoff/);
    const [, count = ""] = /what is written here: (\d+) lines are missing/.exec(text) ?? [];
    assert(Number(count) > 0, text.slice(-2000));
    assert(text.startsWith("20"), text.slice(0, 200));
    run.signal("SIGTERM");
    await pipe.read(/all programs are stopped/);
    assertEquals((await run.end()).code, 0);
  },
});

Deno.test({
  name:
    "a spy that nobody reads: its file has everything, what it showed comes late, Ctrl-C ends it",
  ignore: !isUnix,
  async fn() {
    await using folder = await temporaryFolder();
    await using pipe = await FullPipe.create(folder.path);
    await using hub = await TestHub.start();
    const log = `${folder.path}/spy.jsonl`;
    const line = ["spy", "--json", "--only=cmd=x", `--log=${log}`, ...hub.clientArgs];
    await using spy = pipe.start(line, {}, 1);
    await spy.saw(/joined: hub/);
    await using client = await connect({ name: "sender", server: hub.address });
    const last = 3000;
    for (let n = 0; n <= last; n++) client.send({ cmd: "x", topic: "a", n, pad: "p".repeat(100) });
    await client.flush();
    const numbers = (text: string) =>
      text.split("\n").slice(0, -1).map((line) => Number(JSON.parse(line).n));
    const all = Array.from({ length: last + 1 }, (_, n) => n);
    await until(() => Deno.readTextFileSync(log).includes(`"n":${last},`), "its file ends before");
    assertEquals(numbers(Deno.readTextFileSync(log)), all);
    assertEquals(numbers(await pipe.read(new RegExp(`"n":${last},[^\n]*\n`))), all);

    await using other = await FullPipe.create(folder.path);
    await using stuck = other.start(line, {}, 1);
    await stuck.saw(/joined: hub/);
    client.send({ cmd: "x", topic: "a" });
    await client.flush();
    stuck.signal("SIGINT");
    assertEquals((await stuck.end(10_000)).code, 0);
  },
});

Deno.test({
  name: "history in a pager that shows its first page: it stays in the hub, and the rest comes",
  ignore: !isUnix,
  async fn() {
    await using folder = await temporaryFolder();
    await using hub = await TestHub.start([`--journal=${folder.path}/journal`, ...QUICK]);
    await using client = await connect({ name: "sender", server: hub.address });
    // More than a page of the hub's, and more than a pipe holds.
    const last = 1500;
    for (let n = 0; n <= last; n++) client.send({ cmd: "x", topic: "a", n, pad: "p".repeat(500) });
    await client.flush();
    await using pipe = await FullPipe.create(folder.path);
    const line = ["history", "--json", "--cmd=x", ...hub.clientArgs];
    await using history = pipe.start(line, {}, 1);
    const answered = async () =>
      (await client.clients()).find(({ name }) => name === "history")?.received ?? 0;
    await until(async () => await answered() > 0, "it asks");
    // Longer than the hub waits for a client that says nothing.
    const { uptime } = await hubStats(hub);
    await until(async () => (await hubStats(hub)).uptime > uptime + 3.5, "time goes by");
    const read = await pipe.read(new RegExp(`"n":${last},[^\n]*\n`));
    const numbers = read.split("\n").slice(0, -1).map((text) => Number(JSON.parse(text).n));
    assertEquals(numbers, Array.from({ length: last + 1 }, (_, n) => n));
    assertEquals((await history.end(10_000)).code, 0, history.stderr);
  },
});

Deno.test({
  name: "logs -f that nobody reads: it stays in the hub, and Ctrl-C ends it",
  ignore: !isUnix,
  async fn() {
    await using folder = await temporaryFolder();
    await using hub = await TestHub.start(QUICK);
    await using client = await connect({ name: "run", server: hub.address });
    let asked = 0, lastAsked = 0;
    client.on("log", ({ from, id }) => {
      asked++;
      lastAsked = Date.now() / 1000 + 0.1;
      client.send({
        cmd: "log",
        to: from ?? "",
        re: id,
        lines: [],
        experiment: "lab",
        programs: [],
      });
    });
    await using pipe = await FullPipe.create(folder.path);
    await using logs = pipe.start(["logs", "-f", ...hub.clientArgs], {}, 1);
    await until(() => asked > 0, "it follows");
    const topic = "run/hv/log";
    const say = (n: number) =>
      client.send({ cmd: "log", topic, program: "hv", line: `line ${n}.`, experiment: "lab" });
    for (let n = 1; n <= 100; n++) say(n);
    const { uptime } = await hubStats(hub);
    await until(async () => (await hubStats(hub)).uptime > uptime + 3.5, "time goes by");
    for (let n = 101; n <= 200; n++) say(n);
    await client.flush();
    const read = await pipe.read(/line 200\.\n/);
    const lines = read.matchAll(/line (\d+)\./g).map(([, n]) => Number(n)).toArray();
    assertEquals(lines, Array.from({ length: 200 }, (_, n) => n + 1));
    assert(!logs.stderr.includes("lost"), logs.stderr);

    await using other = await FullPipe.create(folder.path);
    await using stuck = other.start(["logs", "-f", ...hub.clientArgs], {}, 1);
    // It has answered a ping behind what it was told when it asked.
    await until(async () => {
      const found = (await client.clients()).find(({ name }) => name === "logs-2");
      return found !== undefined && asked > 1 && found.lastSeen > lastAsked;
    }, "it follows");
    say(201);
    await client.flush();
    stuck.signal("SIGINT");
    assertEquals((await stuck.end(10_000)).code, 0, stuck.stderr);
  },
});
