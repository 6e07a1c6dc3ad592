import { assertEquals } from "@std/assert";
import type { Client, Outgoing } from "../client.ts";
import { NO_LOG } from "../log.ts";
import { openProgramLog } from "../process/program_log.ts";
import { until } from "../../tests/waiting.ts";
import { createLogFollowers } from "./log_followers.ts";

Deno.test("following a log: lines for which the hub is too slow are counted, and that is told", async () => {
  const folder = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const path = `${folder}/p.log`;
  const sent: unknown[] = [];
  let room = 2;
  const client = {
    joined: true,
    subscribe: () => () => {},
    addEventListener: () => () => {},
    send({ line }: Outgoing) {
      if (room-- <= 0) throw new Error("it is full");
      sent.push(line);
    },
  } as unknown as Client;
  const write = (text: string) =>
    Deno.writeTextFileSync(path, text, { append: true, create: true });
  write("before\n");
  try {
    const output = openProgramLog({ path, warn() {}, moved() {} });
    using followers = createLogFollowers({
      client,
      controller: () => "run",
      experiment: "lab",
      log: NO_LOG,
      output: () => output,
    });
    const before = followers.follow(["p"], "me", 5);
    assertEquals(before, [{ program: "p", line: "before" }]);
    write("1\n2\n3\n4\n5\n");
    await until(() => room < 0, "the lines are not sent");
    room = 100;
    write("6\n7\n");
    await until(() => sent.includes("7"), () => `only ${sent}`);
    assertEquals(sent, ["1", "2", "… 3 lines are left out …", "6", "7"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
