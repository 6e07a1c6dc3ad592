// kill -9 of a program whose ledger is written anew all the time.

import { assert, assertEquals } from "@std/assert";
import { openLedger } from "../lib/journal/ledger.ts";
import { seeded } from "../lib/sim/random.ts";
import { after, Running, temporaryFolder } from "./harness.ts";

Deno.test("ledger: kill -9 while it is written anew leaves the old file or the new one, whole", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/ledger.ndjson`;
  const program = new URL("./ledger_writer.ts", import.meta.url).pathname;
  const random = seeded(20261124);
  let least = 0;
  const seen = new Set<string>();
  for (let round = 0; round < 12; round++) {
    await using child = new Running([Deno.execPath(), "run", "-A", "--quiet", program, path]);
    await child.saw(/safe/);
    await after(60 * random());
    child.signal("SIGKILL");
    await child.end();
    // The last whole line: so far all was safe.
    const safe = Number(/safe (\d+)\n(?!.*safe \d+\n)/s.exec(child.stdout)?.[1]);
    assert(safe >= least);
    const beside = await Deno.stat(`${path}.new`).then(() => "beside", () => "alone");
    seen.add(beside);
    const said: string[] = [];
    await using ledger = await openLedger({ path, onAlarm: (_, why) => said.push(why) });
    assertEquals(said, []);
    // Values are numbers that grow, one a key: each is at least what was safe.
    const values = new Map<number, number>();
    for (const one of ledger.recall()) {
      const { key, value } = JSON.parse(one);
      values.set(key, value);
    }
    const all = [...values.values()].sort((a, b) => a - b);
    const last = all.at(-1) ?? 0;
    assert(last >= safe, `the last is ${last}, and ${safe} was safe`);
    for (const [key, value] of values) {
      assert(value % 500 === key && value > last - 500, `${key} is ${value}, the last ${last}`);
    }
    assertEquals(values.size, Math.min(500, last));
    least = safe;
  }
  assert(seen.has("beside"), "none was killed while it was written anew");
});
