import { assertEquals } from "@std/assert";
import { doFault, parseFault } from "./fault.ts";

Deno.test("faults are read", () => {
  assertEquals(parseFault("crash"), { kind: "crash" });
  assertEquals(parseFault("exit=3"), { kind: "exit", code: 3 });
  for (const text of ["", "exit", "exit=", "exit=256", "exit=-1", "Crash"]) {
    assertEquals(parseFault(text), undefined);
  }
});

Deno.test("each fault does its own thing, and a flood ends when stopped", async () => {
  const stop = new AbortController();
  const done: string[] = [];
  let lines = 0;
  const world = {
    stop: stop.signal,
    write: () => {
      if (++lines === 5000) stop.abort();
    },
    exit: (code: number) => done.push(`exit ${code}`),
    crash: (error: Error) => done.push(error.message),
    hang: () => done.push("hang"),
  };
  for (const text of ["crash", "hang", "exit=7", "flood"]) {
    const fault = parseFault(text);
    if (fault !== undefined) await doFault(fault, world);
  }
  assertEquals(done, ["simulated crash", "hang", "exit 7"]);
  assertEquals(lines, 5000);
});
