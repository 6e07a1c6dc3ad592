import { assertEquals, assertNotEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { parseSettings, settingsText } from "./record.ts";

Deno.test("settings that a program was started with: the same with a newer abcd, whatever it adds", () => {
  const text = `{"run": {"p": {"cmd": "x", "restartSec": 3, "ready": {"file": "up"}}}}`;
  const [program] = parseExperiment(text, "/lab.jsonc").programs;
  if (program === undefined) throw new Error("there is no program");
  const now = settingsText(program);
  const read = (text: string) => {
    const before = parseSettings(text);
    return before === undefined ? undefined : settingsText(before);
  };
  assertEquals(read(now), now);
  const kept: Record<string, unknown> = JSON.parse(now);
  // Keys without which it could not even be stopped are always there.
  const always = [
    "name",
    "argv",
    "cwd",
    "dependsOn",
    "stopSignal",
    "stopSec",
    "log",
    "successExitCodes",
  ];
  for (const key of Object.keys(kept)) {
    if (always.includes(key)) continue;
    const older = JSON.stringify({ ...kept, [key]: undefined });
    const isDefault = !["restartSec", "ready"].includes(key);
    if (isDefault) assertEquals(read(older), now, key);
    else assertNotEquals(read(older), now, key);
  }
  assertEquals(parseSettings("{}"), undefined);
  assertEquals(parseSettings("no"), undefined);
});
