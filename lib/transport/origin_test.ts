import { assertEquals, assertMatch } from "@std/assert";
import { problemWithOrigin } from "./origin.ts";

const problem = (origin: string | undefined, host: string, allowed: string[] = []) =>
  problemWithOrigin(
    new Map(origin === undefined ? [["host", host]] : [["origin", origin], ["host", host]]),
    allowed,
  );

Deno.test("programs may open a WebSocket, pages of other sites may not", () => {
  assertEquals(problem(undefined, "10.0.0.1:9819"), undefined);
  for (const host of ["10.0.0.1:9819", "localhost:9819", "[fe80::1]:9819"]) {
    assertEquals(problem(`http://${host}`, host), undefined);
  }
  const others: [origin: string, host: string][] = [
    ["http://evil.example", "10.0.0.1:9819"],
    ["http://10.0.0.66", "10.0.0.1:9819"],
    ["http://10.0.0.1:8080", "10.0.0.1:9819"],
    // A name that its owner lets point to the hub.
    ["http://evil.example:9819", "evil.example:9819"],
    ["null", "10.0.0.1:9819"],
    ["", ""],
  ];
  for (const [origin, host] of others) assertMatch(problem(origin, host) ?? "", /may not/, origin);
  assertEquals(problem("http://lab.example", "10.0.0.1:9819", ["http://lab.example"]), undefined);
  assertMatch(problem("http://lab.example:81", "x", ["http://lab.example"]) ?? "", /--origin/);
  assertEquals(problem("null", "x", ["*"]), undefined);
});
