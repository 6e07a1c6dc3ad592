import { assertEquals } from "@std/assert";
import type { StartView } from "../process/start_contract.ts";
import { until } from "../../tests/harness.ts";
import { SshError, type SshShell } from "./ssh_shell.ts";
import { createSshHost } from "./ssh_start.ts";

/** Between two looks, in milliseconds. */
const LOOK_MS = 20;

/** What a start is seen as, one after the other, on a computer that answers so when it is looked at. */
async function seen(answers: readonly (string | Error)[]): Promise<readonly StartView[]> {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const views: StartView[] = [];
  let count = 0;
  const shell = {
    run() {
      // What was answered last has been taken in.
      if (count > 0) views.push(start.look());
      const answer = answers[count++] ?? "";
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    [Symbol.dispose]() {},
  } as unknown as SshShell;
  const host = createSshHost("daq2", shell, LOOK_MS);
  const start = host.adopt(`${path}:p:1`, `${path}/p.1`, `${path}/p.log`);
  try {
    await until(() => count > answers.length || start.look().state === "ended", () => `${count}`);
    if (count <= answers.length) views.push(start.look());
    return views;
  } finally {
    host[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
}

const inWords = (view: StartView) =>
  view.state === "ended" ? `ended ${view.ended.code ?? "?"}` : view.state;

Deno.test("ssh start: its shell has a moment to tell how it ended, each time that it seems gone", async () => {
  const alive = "alive 7\ngroup\nlog\n";
  const gone = "gone 7\ngroup\nlog\n";
  const [told, untold] = await Promise.all([
    seen([alive, gone, alive, gone, "gone 7\nexit 3\nlog\n"]),
    seen([alive, gone, gone]),
  ]);
  assertEquals(told.map(inWords), ["alive", "alive", "alive", "alive", "ended 3"]);
  assertEquals(untold.map(inWords), ["alive", "alive", "ended ?"]);
});

Deno.test("ssh start: a computer that was away for long has its time to start it from then on", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const real = performance.now;
  const answers = [new SshError("no route to host"), "", "", "", "alive 7\ngroup\nlog\n"];
  const views: string[] = [];
  const shell = {
    run() {
      const answer = answers.shift() ?? "gone 7\nexit 0\nlog\n";
      if (!(answer instanceof Error)) return Promise.resolve(answer);
      // A minute later it is there.
      performance.now = () => real.call(performance) + 60_000;
      return Promise.reject(answer);
    },
    [Symbol.dispose]() {},
  } as unknown as SshShell;
  const host = createSshHost("daq2", shell, LOOK_MS);
  try {
    const start = host.start({
      argv: ["sleep", "1"],
      cwd: path,
      env: {},
      logPath: `${path}/p.log`,
      id: `${path}:p:1`,
      base: `${path}/p.1`,
    });
    await until(() => {
      const { state } = start.look();
      if (views.at(-1) !== state) views.push(state);
      return state === "ended";
    }, () => views.join());
    assertEquals(views, ["starting", "alive", "ended"]);
  } finally {
    performance.now = real;
    host[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("ssh start: told to stop before its computer is reached it is never started there", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const scripts: string[] = [];
  const shell = {
    run(script: string) {
      scripts.push(script);
      const isAway = scripts.length === 1;
      return isAway ? Promise.reject(new SshError("no route")) : Promise.resolve("never\nlog\n");
    },
    [Symbol.dispose]() {},
  } as unknown as SshShell;
  const host = createSshHost("daq2", shell, LOOK_MS);
  try {
    const id = `${path}:p:1`;
    const about = { cwd: path, env: {}, logPath: `${path}/p.log`, id, base: `${path}/p.1` };
    const start = host.start({ argv: ["set-high-voltage"], ...about });
    await until(() => start.trouble, "it is reached");
    assertEquals(start.signal("SIGTERM"), false);
    await until(() => start.look().state === "ended", "it is waited for");
    const isStart = (script: string) => script.includes("set-high-voltage");
    assertEquals(scripts.map(isStart), [true, false], "only the try that came to nothing");
    assertEquals(start.hasGroup(), false);
  } finally {
    host[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("ssh start: a signal is sent until it has been", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const sent: boolean[] = [];
  const alive = "alive 7\ngroup\n";
  const answers = [alive, alive, `${alive}signalled\n`, alive, "gone 7\nexit 0\n"];
  const shell = {
    run(script: string) {
      sent.push(script.includes("kill -s TERM"));
      return Promise.resolve(`${answers[sent.length - 1] ?? answers.at(-1)}log\n`);
    },
    [Symbol.dispose]() {},
  } as unknown as SshShell;
  const host = createSshHost("daq2", shell, LOOK_MS);
  try {
    const start = host.adopt(`${path}:p:1`, `${path}/p.1`, `${path}/p.log`);
    await until(() => start.pid, "it is not seen");
    assertEquals(start.signal("SIGTERM"), true);
    await until(() => start.look().state === "ended" && !start.hasGroup(), "it does not end");
    assertEquals(sent, [false, true, true, false, false]);
  } finally {
    host[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("ssh start: a full disk here does not hide how it ended there; what it wrote comes when there is room", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const real = performance.now;
  let answer = `alive 7\ngroup\nlog\n${btoa("hv on\n")}\n`;
  const shell = {
    run: (script: string) =>
      Promise.resolve(
        script.includes("tail -c +1 ") ? answer : answer.replace(/^log\n[^]*/m, "log\n"),
      ),
    [Symbol.dispose]() {},
  } as unknown as SshShell;
  const logPath = `${path}/p.log`;
  Deno.symlinkSync("/dev/full", logPath);
  const host = createSshHost("daq2", shell, LOOK_MS);
  try {
    const start = host.adopt(`${path}:p:1`, `${path}/p.1`, logPath);
    await until(() => start.look().state === "alive", "it is not seen to run");
    answer = answer.replace("alive 7\ngroup", "gone 7\nexit 3");
    await until(() => start.look().state === "ended", "it is not seen to end");
    assertEquals([inWords(start.look()), start.trouble], ["ended 3", undefined]);
    Deno.removeSync(logPath);
    performance.now = () => real.call(performance) + 60_000;
    const read = () => {
      try {
        return Deno.readTextFileSync(logPath);
      } catch {
        return "";
      }
    };
    await until(() => read() !== "", "nothing is brought over");
    assertEquals(read(), "hv on\n");
  } finally {
    performance.now = real;
    host[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
});
