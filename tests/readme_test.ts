// The README's promises: its programs join the hub, its experiments can be run, its command lines are
// ones that abcd has, and its four terminals do what it says.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../mod.ts";
import { abcd, abcdCommand, runAbcd, Running, temporaryFolder, TestHub, until } from "./harness.ts";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** The code blocks of one language. */
function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp("```" + language + "\\n([^]*?)```", "g"))].map((m) =>
    m[1] ?? ""
  );
}

/** The block that has this text in it. */
function block(language: string, text: string): string {
  const found = blocks(language).find((one) => one.includes(text));
  assert(found !== undefined, `the README has no ${language} with ${text}`);
  return found;
}

/** The first of these programs that there is. */
async function firstOf(...programs: string[]): Promise<string | undefined> {
  for (const program of programs) {
    try {
      await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
        .output();
      return program;
    } catch {
      // not this one
    }
  }
  return undefined;
}

/** A hub as the README starts it for programs too simple for keys; it pings them often. */
function keyless(): Promise<TestHub> {
  const line = shellLines("abcd").find((words) => words.includes("--open-tcp"));
  assert(line !== undefined, "the README does not say --open-tcp");
  return TestHub.start([...line.slice(2), "--heartbeat=0.2"], { open: false });
}

const python = await firstOf("python3");
const compiler = await firstOf("cc", "gcc", "clang", "tcc");

Deno.test({
  name: "README: the Python program without a module joins, answers pings and gets messages",
  ignore: python === undefined,
  async fn() {
    const program = block("python", "9818");
    await using hub = await keyless();
    await using running = new Running([
      "python3",
      "-u",
      "-c",
      program.replace("9818", `${hub.tcpPort}`),
    ]);
    await hub.process.saw(/mine joined/);
    const sent = await runAbcd(["send", ...hub.clientArgs, "to=mine", "cmd=hello", "n:=1"]);
    assertEquals(sent.code, 0, sent.stderr);
    await running.saw(/'cmd': 'hello'/);
    await using spy = abcd([
      "spy",
      ...hub.clientArgs,
      "--only=from=mine",
      "--only=cmd=_pong",
      "--json",
      "--count=3",
    ]);
    assertEquals((await spy.end()).code, 0);
  },
});

Deno.test("README: thermometer.py is the one that abcd init python writes", async () => {
  const example = await Deno.readTextFile(new URL("experiments/thermometer.py", ROOT));
  assertStringIncludes(example, block("python", "import abcd"));
});

Deno.test({
  name: "README: the C program compiles, joins, answers and is pinged",
  ignore: compiler === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    await using hub = await keyless();
    const source = block("c", "int main").replace("9818", `${hub.tcpPort}`);
    await Deno.writeTextFile(`${folder.path}/scaler.c`, source);
    const { success, stderr } = await new Deno.Command(compiler ?? "", {
      args: ["-Wall", "-o", "scaler", "scaler.c"],
      cwd: folder.path,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    await using scaler = new Running([`${folder.path}/scaler`]);
    await hub.process.saw(/scaler joined/);
    await using daq = await connect({ name: "daq", server: hub.address });
    const counts: unknown[] = [];
    daq.subscribe("scaler/counts", (message) => void counts.push(message.counts));
    await daq.flush();
    for (const n of [1, 2]) {
      daq.send({ to: "scaler", cmd: "count" });
      await until(() => counts.length === n, "no counts");
    }
    assertEquals(counts, [1, 2]);
    const received = async () =>
      (await daq.clients()).find(({ name }) => name === "scaler")?.received ?? 0;
    // Its _init, its counts, and pongs.
    await until(async () => await received() >= 6, "the C program does not answer pings");
    await using second = new Running([`${folder.path}/scaler`]);
    await second.end();
    assertStringIncludes(second.stderr, '"code":"name-taken"');
    await hub.process[Symbol.asyncDispose]();
    assertEquals((await scaler.end()).code, 0);
  },
});

Deno.test("README: the TypeScript program runs beside a clone, with the permissions named there", async () => {
  await using folder = await temporaryFolder();
  await Deno.symlink(ROOT.pathname, `${folder.path}/abcd`);
  await Deno.writeTextFile(`${folder.path}/stage.ts`, block("ts", "abcd/mod.ts"));
  const line = block("sh", "stage.ts").trim().split(" ").slice(1);
  await using hub = await TestHub.start([], { open: false });
  await using stage = new Running([
    Deno.execPath(),
    line[0] ?? "",
    "--quiet",
    "--no-prompt",
    "--no-lock",
    "--check",
    ...line.slice(1),
  ], { cwd: folder.path, env: { ABCD_SERVER: hub.address } });
  await hub.process.saw(/stage joined/);
  const ask = (to: string) =>
    runAbcd(["send", ...hub.clientArgs, "--wait=20", "to=stage", "cmd=move", `to_mm:=${to}`]);
  assertEquals(JSON.parse((await ask("12.5")).stdout).position, 12.5, stage.stderr);
  const refused = JSON.parse((await ask("-1")).stdout);
  assertEquals([refused.ok, refused.text], [false, "0 to 50 mm"]);
  const published = await runAbcd([
    ...["spy", ...hub.clientArgs, "--json", "--count=1", "--only=topic=stage/monit"],
  ]);
  assertEquals(JSON.parse(published.stdout).position, 12.5);
  await runAbcd(["send", ...hub.clientArgs, "topic=vacuum/monit", "cmd=monit", "pressure:=1e-6"]);
  await stage.saw(/the pressure is 0.000001/);
});

Deno.test("README: the program that joins with a key is the one that the tests of keys run", async () => {
  const tested = await Deno.readTextFile(new URL("join_with_key.py", import.meta.url));
  assertEquals(block("python", "hmac"), tested);
});

Deno.test("README: abcd check finds nothing wrong with its experiments", async () => {
  const experiments = blocks("jsonc").filter((text) => text.includes('"experiment"'));
  assert(experiments.length >= 2);
  await using folder = await temporaryFolder();
  for (const text of experiments) {
    await Deno.writeTextFile(`${folder.path}/lab.jsonc`, text);
    const { code, stderr } = await runAbcd(["check", `${folder.path}/lab.jsonc`]);
    assertEquals(code, 0, stderr);
  }
});

Deno.test("README: its rights file is one", async () => {
  await using folder = await temporaryFolder();
  const options = { env: { XDG_CONFIG_HOME: folder.path } };
  const made = await runAbcd(["key", "--new"], options);
  assertEquals(made.code, 0, made.stderr);
  await Deno.writeTextFile(`${folder.path}/rights.jsonc`, block("jsonc", '"keys"'));
  const { code, stdout, stderr } = await runAbcd(
    ["key", "--list", `--rights=${folder.path}/rights.jsonc`],
    options,
  );
  assertEquals(code, 0, stderr);
  for (const id of ["vacuum-pi", "shift", "corridor"]) assertStringIncludes(stdout, id);
});

/** Lines of the README for a shell that begin with this program; comments and pipes cut off. */
function shellLines(program: string): string[][] {
  const written = [...README.matchAll(/`(abcd [^`]+)`/g)].map(([, line = ""]) => line);
  return [...blocks("sh").join("\n").split("\n"), ...written]
    .flatMap((line) => line.replace(/ +#.*/, "").split(/&&| \| /))
    .map((line) => (line.trim().match(/"[^"]*"|'[^']*'|\S+/g) ?? []))
    .filter(([first]) => first === program);
}

Deno.test("README: each command line names a subcommand and options that there are", async () => {
  const lines = shellLines("abcd").filter(([, name]) =>
    name !== undefined && /^[a-z-]+$/.test(name) && name !== "help"
  );
  assert(lines.length >= 30, `the README shows ${lines.length} command lines`);
  const helps = new Map<string, string>();
  for (const [, name = "", ...words] of lines) {
    if (!helps.has(name)) {
      const { code, stdout } = await runAbcd([name, "--help"]);
      assertEquals(code, 0, `abcd ${name}: no such subcommand`);
      helps.set(name, stdout);
    }
    for (const word of words) {
      const option = /^--?[a-z-]+/.exec(word)?.[0];
      if (option === undefined) continue;
      const known = new RegExp(`(^|[ ,])${option}[ ,\\n]`, "m").test(helps.get(name) ?? "");
      assert(known, `abcd ${name} ${words.join(" ")}: no ${option}`);
    }
  }
});

Deno.test("README: each task of Deno that it names is there", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const named = [...README.matchAll(/(?:deno|npx -y deno@2) task (\w+)/g)].map(([, task]) => task);
  assert(named.length >= 6);
  for (const task of named) assert(task !== undefined && task in tasks, `deno task ${task}`);
});

/** A network for one test alone, in which the usual ports are free; `undefined`: there can be none. */
async function ownNetwork(): Promise<({ name: string } & AsyncDisposable) | undefined> {
  const ip = async (...args: string[]) => {
    try {
      return (await new Deno.Command("ip", { args, stdout: "null", stderr: "null" }).output())
        .success;
    } catch {
      return false;
    }
  };
  const name = `abcd${crypto.randomUUID().slice(0, 8)}`;
  if (!await ip("netns", "add", name)) return undefined;
  await ip("-n", name, "link", "set", "lo", "up");
  return { name, [Symbol.asyncDispose]: async () => void await ip("netns", "del", name) };
}

Deno.test({
  name: "README: four terminals in an empty folder find each other, nobody types an address",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using network = await ownNetwork();
    if (network === undefined) {
      return console.log("left out: no network namespaces here (ip, and to be root)");
    }
    await using folder = await temporaryFolder();
    const { path } = folder;
    await Deno.mkdir(`${path}/bin`);
    await Deno.mkdir(`${path}/empty`);
    const words = abcdCommand().map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    await Deno.writeTextFile(`${path}/bin/abcd`, `#!/bin/sh\nexec ${words} "$@"\n`, {
      mode: 0o755,
    });
    const env = {
      PATH: `${path}/bin:/usr/bin:/bin`,
      HOME: path,
      XDG_STATE_HOME: `${path}/state`,
      DENO_DIR: `${Deno.env.get("HOME")}/.cache/deno`,
      ...Object.fromEntries(
        Object.entries(Deno.env.toObject()).filter(([name]) => name.startsWith("DENO_")),
      ),
    };
    const terminal = (line: string) =>
      new Running(
        [
          "ip",
          "netns",
          "exec",
          network.name,
          "sh",
          "-c",
          line.replace(/(^|&& )(?=[^&]*$)/, "$1exec "),
        ],
        { cwd: `${path}/empty`, clearEnv: true, env },
      );
    const [server = "", run = "", spy = "", send = ""] = block("sh", "abcd init && ").trim()
      .split("\n").map((line) => line.replace(/ +#.*/, ""));
    await using hub = terminal(server);
    await hub.saw(/listens/);
    await using experiment = terminal(run);
    await using watching = terminal(spy);
    await experiment.saw(/hv: ready/);
    await watching.saw(/hv\/monit/);
    await using asking = terminal(send);
    assertEquals((await asking.end()).code, 0, asking.stderr);
    assertEquals(JSON.parse(asking.stdout).channels.length, 4);
    await watching.saw(/send\s+→ hv\s+get/);
    await experiment.saw(/ccd2: ready/);
    assert(Deno.statSync(`${path}/empty/damicm.jsonc`).isFile);
  },
});
