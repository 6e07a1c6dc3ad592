import { assertEquals, assertRejects } from "@std/assert";
import type { Client } from "../client.ts";
import type { Message } from "../message.ts";
import { createHostLines } from "./host_lines.ts";

/** The output of programs on an agent that answers so; what it was told besides. */
function linesOf(answer: Message, trouble?: () => string | undefined) {
  const told: string[] = [];
  const output = createHostLines({
    about: { to: "daq2", experiment: "lab", claim: "mark" },
    client: { request: () => Promise.resolve(answer) } as unknown as Client,
    answerSec: 1,
    trouble: trouble ?? (() => undefined),
    isHere: (program) => program !== "moved",
    tell: ({ programs, follow, lines }) => void told.push(`${follow}: ${programs}, ${lines} lines`),
  });
  return { output, told: () => told.splice(0) };
}

Deno.test("host lines: what the agent answers, without what is none", async () => {
  const lines = [{ program: "p", line: "a" }, { program: 7, line: "b" }, "c", { program: "p" }];
  const { output } = linesOf({ cmd: "host-log", lines, at: 5 });
  assertEquals(await output.read(["p"], 3), { lines: [{ program: "p", line: "a" }], at: 5 });
});

Deno.test("host lines: an agent that cannot be asked, or refuses, is an error that says why", async () => {
  const away = linesOf({ cmd: "host-log" }, () => "daq2 is away");
  await assertRejects(() => away.output.read(["p"], 3), Error, "logs on daq2: daq2 is away");
  const refuses = linesOf({ cmd: "host-log", error: "not yours" });
  await assertRejects(() => refuses.output.read(["p"], 3), Error, "not yours");
});

Deno.test("host lines: an agent that is back is told who follows what is there, until they leave", async () => {
  let trouble: string | undefined = undefined;
  const { output, told } = linesOf({ cmd: "host-log", lines: [], at: 0 }, () => trouble);
  await output.read(["p", "moved"], 3, "shift");
  await output.read(["moved"], 3, "student");
  await output.read(["p"], 3);
  // Who asks while it is away follows from when it is back.
  trouble = "daq2 is away";
  await output.read(["q"], 3, "shift").catch(() => {});
  output.again();
  assertEquals(told(), ["shift: p,q, 0 lines"]);
  output.left("student");
  output.again();
  assertEquals(told(), ["shift: p,q, 0 lines"]);
  output.left("shift");
  output.again();
  assertEquals(told(), []);
  await output.read(["q"], 3, "shift").catch(() => {});
  output.lost();
  output.again();
  assertEquals(told(), []);
});
