import { assertEquals } from "@std/assert";
import { createLog } from "../log.ts";
import { createHostClock } from "./host_clock.ts";
import type { HostReport } from "./host_report.ts";

const HOUR = 3600;

/** A host and this computer, each with a clock that can be set; in seconds. */
function lab() {
  const said: string[] = [];
  let steady = 0;
  const ours = { set: 1000 * HOUR };
  const theirs = { set: 1000 * HOUR };
  const log = createLog({
    name: "run",
    write: (line) => said.push(/ run: (.*)/.exec(line)?.[1] ?? line),
  });
  const clock = createHostClock({
    host: "daq2",
    log,
    steady: () => steady * 1000,
    clock: () => (steady + ours.set) * 1000,
  });
  const begun = theirs.set;
  const setSec = () => theirs.set - begun;
  const report = (): HostReport => {
    // What its agent tells follows its clock, as that of a controller does.
    const since = 5 + theirs.set;
    return { name: "p", state: "running", ready: true, restarts: 0, order: 1, since };
  };
  return {
    ours,
    theirs,
    pass: (sec: number) => void (steady += sec),
    claim(lateSec = 0) {
      const shown = { time: steady + theirs.set, setSec: setSec(), lateSec };
      steady += lateSec;
      clock.shows(shown);
    },
    hear: () => clock.wasSet(setSec()),
    /** How long the program has run at the moment, as it is told here. */
    age: () => Math.round((steady + ours.set - clock.ours(report()).since) * 1000) / 1000,
    said: () => said.splice(0),
  };
}

Deno.test("host clock: wrong at the claim, and what is nearly right is right", () => {
  const { theirs, pass, claim, age, said } = lab();
  pass(15);
  theirs.set -= 3;
  claim();
  assertEquals([age(), said()], [13, []]);
  theirs.set += HOUR;
  claim();
  assertEquals([age(), said()], [10, ["the clock of daq2 is 3597 s ahead of this computer's"]]);
});

Deno.test("host clock: set while it is heard: told once, and no time moves", () => {
  const { theirs, pass, claim, hear, age, said } = lab();
  pass(15);
  claim();
  theirs.set -= HOUR;
  hear();
  assertEquals([age(), said()], [10, ["the clock of daq2 is 3600 s behind this computer's"]]);
  pass(5);
  hear();
  assertEquals([age(), said()], [15, []]);
  // Lost and claimed again: it is known.
  claim();
  assertEquals([age(), said()], [15, []]);
  theirs.set += HOUR;
  hear();
  assertEquals([age(), said()], [15, []]);
});

Deno.test("host clock: ours is set while it is heard, and while it is away", () => {
  const { ours, pass, claim, hear, age, said } = lab();
  pass(15);
  claim();
  ours.set += HOUR;
  hear();
  assertEquals([age(), said()], [10, []]);
  claim();
  assertEquals([age(), said()], [10, []]);
  ours.set -= HOUR;
  claim();
  assertEquals([age(), said()], [10, []]);
});

Deno.test("host clock: a line that is slow makes no clock wrong, and hides none that is", () => {
  const { theirs, pass, claim, age, said } = lab();
  pass(15);
  claim(20);
  assertEquals([age(), said()], [30, []]);
  theirs.set -= HOUR;
  claim(20);
  assertEquals(said(), ["the clock of daq2 is 3610 s behind this computer's"]);
});
