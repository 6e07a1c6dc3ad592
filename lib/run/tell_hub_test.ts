import { assertEquals } from "@std/assert";
import { createLog } from "../log.ts";
import { createHubTeller } from "./tell_hub.ts";

Deno.test("telling the hub: what cannot be sent is said once in a while, with how much it was", () => {
  const lines: string[] = [];
  let ms = 0;
  const log = createLog({
    name: "run",
    write: (line) => void lines.push(line.replace(/^.*run: /, "")),
  });
  const attempt = createHubTeller(log, () => ms);
  const fail = () => {
    throw new Error("it is full");
  };
  assertEquals(attempt("answer a", () => {}), true);
  for (const who of ["a", "b", "c"]) assertEquals(attempt(`answer ${who}`, fail), false);
  assertEquals(lines.splice(0), ["Cannot answer a: it is full"]);
  ms = 10_000;
  attempt("tell of p", fail);
  assertEquals(lines.splice(0), [
    "Cannot tell of p: it is full; 2 more messages since the last warning",
  ]);
});
