// Black-box tests of `abcd exec`: a hub, the program, and a client that asks.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Client, connect, type Message, type Outgoing } from "../mod.ts";
import { abcd, runAbcd, type Running, TestHub, until } from "./harness.ts";

interface Setting extends AsyncDisposable {
  readonly client: Client;
  readonly program: Running;
  readonly hub: TestHub;
  /** Sends to exec. */
  ask(message: Outgoing): void;
  /** Waits for the end of a command: exec-exit or exec-refused. */
  end(id: string): Promise<Message>;
  /** What the command has written to this stream so far. */
  output(id: string, stream?: string): string;
}

async function setting(args: readonly string[]): Promise<Setting> {
  const hub = await TestHub.start();
  const program = abcd(["exec", ...hub.clientArgs, ...args]);
  const client = await connect({ name: "asker", server: hub.address });
  const got: Message[] = [];
  for (const cmd of ["exec-output", "exec-exit", "exec-refused"]) {
    client.on(cmd, (message) => void got.push(message));
  }
  await program.saw(/exec: ready/);
  return {
    client,
    program,
    hub,
    ask: (message) => client.send({ to: "exec", ...message }),
    end: (id) =>
      until(
        () => got.find((m) => m.re === id && m.cmd !== "exec-output"),
        `the end of ${id}`,
      ),
    output: (id, stream = "stdout") =>
      got.filter((m) => m.cmd === "exec-output" && m.re === id && m.stream === stream)
        .map((m) => m.text).join(""),
    async [Symbol.asyncDispose]() {
      await client.close();
      await program[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

Deno.test("exec: abcd send --wait prints what a command writes, and its end", async () => {
  await using s = await setting(["--allow", "sh"]);
  const ask = (...line: string[]) =>
    runAbcd(["send", ...s.hub.clientArgs, "to=exec", "cmd=exec", ...line]);
  const { code, stdout, stderr } = await ask(
    "--wait=20",
    "line=sh -c 'echo one; echo two >&2; exit 3'",
  );
  assertEquals(code, 0, stderr);
  const replies: Message[] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const written = replies.filter(({ cmd }) => cmd === "exec-output").map(({ text }) => text);
  assertEquals(written.sort(), ["one\n", "two\n"]);
  assertEquals([replies.at(-1)?.cmd, replies.at(-1)?.code], ["exec-exit", 3]);
  const endless = await ask("--wait=1", "line=sh -c 'echo one; sleep 60'");
  assertEquals(endless.code, 1);
  assertStringIncludes(endless.stdout, "one");
  assertStringIncludes(endless.stderr, "the end of the answer");
});

Deno.test("exec: allowed commands run, others are refused, both are logged", async () => {
  await using s = await setting(["--allow", "echo", "--allow", "cat /dev/nul*"]);
  s.ask({ cmd: "exec", id: "1", argv: ["echo", "a b", "$HOME"] });
  const exit = await s.end("1");
  assertEquals([exit.cmd, exit.code, exit.signal], ["exec-exit", 0, null]);
  assert(typeof exit.seconds === "number");
  assertEquals(s.output("1"), "a b $HOME\n");

  s.ask({ cmd: "exec", id: "2", line: "echo 'x  y' z" });
  await s.end("2");
  assertEquals(s.output("2"), "x  y z\n");

  s.ask({ cmd: "exec", id: "3", argv: ["cat", "/etc/passwd"] });
  s.ask({ cmd: "exec", id: "4", argv: ["rm", "x"] });
  s.ask({ cmd: "exec", id: "5", line: "echo a; echo b" });
  for (const id of ["3", "4", "5"]) assertEquals((await s.end(id)).cmd, "exec-refused");
  await s.program.saw(/allowed from=asker id=1/);
  await s.program.saw(/refused: Not allowed: rm.* from=asker id=4/);
});

Deno.test("exec: both streams, exit codes, and the folder", async () => {
  await using s = await setting(["--allow-all", "--shell"]);
  await s.program.saw(/WARN +exec: everybody/);
  s.ask({ cmd: "exec", id: "1", line: "pwd; echo bad >&2; exit 7", cwd: "/" });
  assertEquals((await s.end("1")).code, 7);
  assertEquals([s.output("1"), s.output("1", "stderr")], ["/\n", "bad\n"]);
  s.ask({ cmd: "exec", id: "2", argv: ["/no/such/program"] });
  assertEquals((await s.end("2")).cmd, "exec-refused");
});

Deno.test("exec: time and output are limited, and a command can be killed", async () => {
  await using s = await setting([
    "--allow-all",
    "--shell",
    "--max-output=1000",
    "--max-commands=1",
  ]);
  s.ask({ cmd: "exec", id: "1", line: "sleep 1000 & sleep 1000", timeoutSec: 0.2 });
  const late = await s.end("1");
  assertEquals([late.timedOut, late.code, late.signal], [true, null, "SIGTERM"]);

  s.ask({ cmd: "exec", id: "2", line: "head -c 5000 /dev/zero | tr '\\0' x" });
  assertEquals((await s.end("2")).truncated, true);
  assertEquals(s.output("2"), "x".repeat(1000));

  s.ask({ cmd: "exec", id: "3", line: "echo on; exec sleep 1000" });
  await until(() => s.output("3") === "on\n", "output while it runs");
  s.ask({ cmd: "exec", id: "4", argv: ["true"] });
  assertStringIncludes(String((await s.end("4")).text), "1 of 1 commands are running");
  s.ask({ cmd: "exec-kill", re: "3" });
  assertEquals((await s.end("3")).signal, "SIGTERM");
  s.ask({ cmd: "exec-kill", re: "none" });
  assertEquals((await s.end("none")).cmd, "exec-refused");
});

Deno.test("exec: its end ends its commands", async () => {
  await using s = await setting(["--allow", "sleep"]);
  s.ask({ cmd: "exec", id: "1", argv: ["sleep", "1000"] });
  await s.program.saw(/allowed from=asker id=1/);
  s.program.signal("SIGTERM");
  assertEquals((await s.end("1")).signal, "SIGTERM");
  assertEquals((await s.program.end()).code, 0);
});

Deno.test("exec: without anything allowed it says what to do", async () => {
  const { code, stderr } = await runAbcd(["exec"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--allow PROGRAM");
  assertEquals((await runAbcd(["exec", "--allow", "ls", "--shell"])).code, 2);
  assertEquals((await runAbcd(["exec", "--allow", "no-such-program-here"])).code, 2);
});
