import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeCore } from "../process/core_file.ts";
import { describeEnd, duration, type EndFacts } from "./verdict.ts";

const facts: EndFacts = {
  time: 1000,
  outOfMemory: "no",
  restarts: 0,
  lastLines: [],
  next: "it is started again in 1 s",
};
const first = (more: Partial<EndFacts>) => describeEnd({ ...facts, ...more }).text.split("\n")[0];

Deno.test("describeEnd says all there is to know in one line, then the last lines", () => {
  const { text, coreDumped } = describeEnd({
    ...facts,
    signal: "SIGSEGV",
    core: "core dumped: /data/core",
    ranSec: 7200,
    restarts: 3,
    lastLines: ["image 7", "Segmentation fault"],
  });
  assertEquals(
    text,
    "ended by SIGSEGV; it used memory that is not its own; core dumped: /data/core; " +
      "it ran for 2 h; after restart 3; it is started again in 1 s\n" +
      "Its last lines:\n  image 7\n  Segmentation fault",
  );
  assertEquals(coreDumped, true);
  assertStringIncludes(first({ code: 127 }) ?? "", "exit code 127; a command was not found; ");
  assertStringIncludes(
    first({ code: 0, isGood: true }) ?? "",
    'exit code 0; a good end, but it is to run on: "restart": "on-failure" would leave it at that; ',
  );
  assertStringIncludes(first({}) ?? "", "ended while nobody could see how; it had not been");
  assertEquals(describeEnd(facts).text.split("\n")[1], "It wrote nothing.");
  const cause = "is not alive: no client hv for 30 s";
  assertStringIncludes(first({ cause, ranSec: 5 }) ?? "", `${cause}; it ran for 5 s; `);
});

Deno.test("describeEnd of a SIGKILL claims no more than is known", () => {
  const kill = { pid: 1, name: "x", at: 1, memoryBytes: 3.21e9 };
  const said = (more: Partial<EndFacts>) => first({ signal: "SIGKILL", ...more })?.split("; it")[0];
  assertEquals(
    said({ outOfMemory: "yes", kill }),
    "ended by SIGKILL; the kernel killed it for want of memory, of which it had 3.2 GB",
  );
  assertStringIncludes(
    said({ outOfMemory: "yes", kill: { ...kill, memoryBytes: 3.2e7 } }) ?? "",
    "of which it had 32 MB",
  );
  assertEquals(
    said({ outOfMemory: "unknown" }),
    "ended by SIGKILL; somebody or the kernel killed it",
  );
  assertStringIncludes(said({ outOfMemory: "perhaps" }) ?? "", "somebody killed it, or the kernel");
  assertStringIncludes(said({ outOfMemory: "no" }) ?? "", "the kernel did not");
});

Deno.test("describeCore says where the memory is", () => {
  assertEquals(describeCore("core\n", 7, "/data"), "core dumped: /data/core");
  assertEquals(describeCore("/cores/%e.%p.%t", 7, "/d"), "core dumped: /cores/*.7.*");
  assertEquals(
    describeCore("|/usr/lib/systemd/systemd-coredump %P %u", 7, "/d"),
    "core dumped: coredumpctl info 7",
  );
  assertEquals(
    describeCore("|/usr/share/apport/apport -p%p", 7, "/d"),
    "core dumped, handed to /usr/share/apport/apport",
  );
  assertEquals(describeCore("", 7, "/d"), "core dumped");
});

Deno.test("durations as people say them", () => {
  assertEquals([0.04, 9.96, 119, 120, 7199, 7200, 200_000].map(duration), [
    "0 s",
    "10 s",
    "119 s",
    "2 min",
    "120 min",
    "2 h",
    "2 days",
  ]);
});
