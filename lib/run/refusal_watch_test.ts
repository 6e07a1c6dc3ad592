import { assertEquals } from "@std/assert";
import type { ClientEvents } from "../client/contract.ts";
import { createEvents } from "../client/events.ts";
import { NO_LOG } from "../log_contract.ts";
import { watchRefusals } from "./refusal_watch.ts";

Deno.test("a hub that does not let the controller in is an alarm, until one does", () => {
  const events = createEvents(NO_LOG);
  const standing = new Map<string, string>();
  const client = {
    joined: false,
    addEventListener: <E extends keyof ClientEvents>(
      type: E,
      listener: (event: ClientEvents[E]) => void,
    ) => events.on(type, listener),
  };
  using _watch = watchRefusals({
    client,
    alarms: {
      raise: (source, _state, text) => void standing.set(source, text),
      clear: (source) => void standing.delete(source),
    },
  });
  events.emit("refused", { code: "shutting-down", text: "The hub ends" });
  assertEquals(standing.size, 0);
  events.emit("refused", { code: "denied", text: "This hub asks for a key" });
  assertEquals([...standing], [
    ["hub", "it does not let this controller in: This hub asks for a key"],
  ]);
  client.joined = true;
  events.emit("joined", { name: "run", hub: "lab", address: "h:1", again: false });
  assertEquals(standing.size, 0);
  // What it sends may be refused, too: that is another thing.
  events.emit("refused", { code: "denied", text: "the key may not publish" });
  assertEquals(standing.size, 0);
});
