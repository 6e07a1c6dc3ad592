import { assertEquals, assertMatch } from "@std/assert";
import { createLog } from "../log.ts";
import type { Start } from "../process/start_contract.ts";
import { createSignals } from "./signals.ts";

function setUp(send: (signal: string) => boolean) {
  let time = 0;
  const lines: string[] = [];
  const log = createLog({ name: "run", write: (line) => void lines.push(line) });
  const start: Start = {
    id: "x",
    pid: 4711,
    look: () => ({ state: "alive", pid: 4711 }),
    remember() {},
    hasGroup: () => true,
    signal: send,
    screenPid: undefined,
    trouble: undefined,
    shellEnded: new Promise(() => {}),
    tellsEnd: true,
  };
  const signals = createSignals({ name: "p", log, now: () => time });
  return { signals, start, lines, pass: (ms: number) => void (time += ms) };
}

Deno.test("signals: one of another user is told once, with what to do, until its end", () => {
  const { signals, start, lines } = setUp(() => {
    throw new Error("EPERM: Operation not permitted");
  });
  assertEquals(signals.trouble, undefined);
  for (const one of ["SIGTERM", "SIGKILL", "SIGKILL"] as const) signals.send(one, start, false);
  assertMatch(signals.trouble ?? "", /it runs as another user, who has to stop pid 4711/);
  assertEquals(lines.length, 1);
  signals.reset();
  assertEquals(signals.trouble, undefined);
});

Deno.test("signals: what SIGKILL does not end hangs in the kernel; what SIGTERM does not end may yet", () => {
  const { signals, start, pass } = setUp(() => true);
  signals.send("SIGTERM", start, false);
  pass(60_000);
  assertEquals(signals.trouble, undefined);
  signals.send("SIGKILL", start, false);
  pass(4000);
  signals.send("SIGKILL", start, false);
  assertEquals(signals.trouble, undefined);
  pass(1000);
  assertMatch(signals.trouble ?? "", /hangs in the kernel/);
});

Deno.test("signals: a program that has not told its pid gets the signal when it has", () => {
  const sent: string[] = [];
  let isKnown = false;
  const { signals, start } = setUp((signal) => isKnown && sent.push(signal) > 0);
  signals.send("SIGTERM", start, false);
  signals.again(start);
  isKnown = true;
  signals.again(start);
  signals.again(start);
  assertEquals(sent, ["SIGTERM"]);
});
