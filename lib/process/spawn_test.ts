import { assert, assertEquals } from "@std/assert";
import { until } from "../../tests/harness.ts";
import { adoptStart, startProgram } from "./spawn.ts";

Deno.test("start: how long it ran is right also after the clock was set, and for a later controller", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  try {
    const base = `${path}/p.1`;
    const id = `${path}:p:1`;
    const start = startProgram({
      argv: ["sleep", "1000"],
      cwd: path,
      env: {},
      logPath: `${path}/p.log`,
      id,
      base,
    });
    await until(() => start.look().state === "alive", "it does not run");
    // As if the clock had been a year behind then.
    const before = new Date(Date.now() - 365 * 86_400_000);
    await Deno.utime(`${base}.pid`, before, before);
    start.signal("SIGKILL");
    for (const one of [start, adoptStart(id, base)]) {
      await until(() => one.look().state === "ended", "it does not end");
      const view = one.look();
      const { started = 0, ended = 0 } = view.state === "ended" ? view.ended : {};
      assert(ended - started >= 0 && ended - started < 100, `it ran for ${ended - started} s`);
    }
    // Nothing waits for a program that goes on without us.
    let isOver = false;
    start.shellEnded.then(() => isOver = true);
    await until(() => isOver, "its shell does not end");
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("start: where nothing of it can be written down it runs all the same, and its shell tells how it ended", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  try {
    const start = startProgram({
      argv: ["sh", "-c", "echo up; exit 7"],
      cwd: path,
      env: {},
      logPath: `${path}/p.log`,
      id: `${path}:p:1`,
      base: "/proc/no-such-folder/p.1",
    });
    await until(() => start.look().state === "ended", "it does not end");
    const view = start.look();
    assertEquals(view.state === "ended" ? view.ended.code : "?", 7);
    assertEquals(await Deno.readTextFile(`${path}/p.log`), "up\n");
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
