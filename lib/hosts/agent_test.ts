import { assertEquals } from "@std/assert";
import type { Client, Outgoing } from "../client.ts";
import { NO_LOG } from "../log.ts";
import type { Message } from "../message.ts";
import { until } from "../../tests/harness.ts";
import { startAgent } from "./agent.ts";
import { HOLD_MS } from "./agent_claim.ts";

Deno.test({
  name:
    "agent: another controller under the name of one that is dead has its experiment after a minute",
  // A look at the disk may be on its way when it ends.
  sanitizeOps: false,
  fn: takesOver,
});

async function takesOver(): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const handlers = new Map<string, (message: Message) => void>();
  const sent: Outgoing[] = [];
  const client = {
    name: "daq2",
    joined: true,
    // The name is in the hub all the time, as far as the agent can see.
    request: () => Promise.resolve({ cmd: "_clients", clients: [{ name: "run" }] }),
    send: (message: Outgoing) => void sent.push(message),
    on: (
      cmd: string,
      handler: (message: Message) => void,
    ) => (handlers.set(cmd, handler), () => {}),
    subscribe: () => () => {},
    addEventListener: () => () => {},
  } as unknown as Client;
  let ms = 0;
  const commands = { rules: [], allowAll: false, shell: false };
  const policy = { experiments: ["lab"], folders: [], commands };
  const options = { client, log: NO_LOG, statePath: path, workFolder: path, policy };
  const agent = await startAgent({ ...options, now: () => ms });
  async function claim(mark: string): Promise<unknown> {
    const about = { experiment: "lab", claim: mark, host: `host of ${mark}`, pid: 7 };
    handlers.get("agent-claim")?.({ cmd: "agent-claim", from: "run", id: mark, ...about });
    await until(() => sent.length > 0, "no answer");
    return sent.splice(0)[0]?.error;
  }
  const held =
    '"lab" on daq2 is controlled by run (pid 7 on host of first), which is away; it is free in';
  try {
    assertEquals(await claim("first"), undefined);
    assertEquals(await claim("second"), `${held} 60 s`);
    // The first is there after all, and the other one's minute begins anew.
    ms += HOLD_MS - 1000;
    assertEquals(await claim("first"), undefined);
    assertEquals(await claim("second"), `${held} 60 s`);
    ms += HOLD_MS - 1000;
    assertEquals(await claim("second"), `${held} 1 s`);
    ms += 1000;
    assertEquals(await claim("second"), undefined);
    assertEquals(
      await claim("first"),
      '"lab" on daq2 is controlled by run (pid 7 on host of second), which is away; it is free in 60 s',
    );
  } finally {
    agent[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
}
