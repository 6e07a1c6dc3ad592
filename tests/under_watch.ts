// A hub that is told rubbish, and two clients that talk all the time: none of it may suffer.

import { assert, assertEquals } from "@std/assert";
import { seeded } from "../lib/sim/random.ts";
import { connect } from "../mod.ts";
import { after, TestHub } from "./harness.ts";
import { peakMemory } from "./raw_client.ts";

/** Whether tests under watch cannot be: memory is looked at in /proc. */
export const cannotWatch = Deno.build.os !== "linux";
/** A million bytes. */
export const MB = 1e6;

/** Bytes that are the same for the same seed. */
export function randomBytes(seed: number, length: number): Uint8Array {
  const random = seeded(seed);
  return Uint8Array.from({ length }, () => random() * 256);
}

/** A hub, and two clients that talk all the time; at the end none of it may have suffered. */
export async function underWatch(
  args: readonly string[],
  test: (hub: TestHub) => Promise<void>,
  limits: { grownMB?: number } = {},
): Promise<void> {
  await using hub = await TestHub.start(args);
  await using a = await connect({ name: "a", server: hub.address });
  await using b = await connect({ name: "b", server: hub.address });
  b.on("there", ({ id, from }) => b.send({ cmd: "back", to: from, re: id }));
  await a.request({ cmd: "there", to: "b" });
  const lost: string[] = [];
  for (const one of [a, b]) one.addEventListener("lost", ({ reason }) => void lost.push(reason));

  const before = peakMemory(hub.process.pid);
  let over = false;
  let worst = 0;
  const talk = (async () => {
    while (!over) {
      const begin = performance.now();
      await a.request({ cmd: "there", to: "b" }, { timeoutSec: 30 });
      worst = Math.max(worst, performance.now() - begin);
      await after(10);
    }
  })();
  try {
    await test(hub);
  } finally {
    over = true;
    await talk;
  }
  assertEquals(lost, []);
  assert(worst < 3000, `a message and its answer took ${worst} ms`);
  const grown = (peakMemory(hub.process.pid) - before) / MB;
  const { grownMB = 100 } = limits;
  assert(grown < grownMB, `the hub needed ${grown} MB more, not ${grownMB}`);
}
