// A program that sends numbered messages to be safe, as many a second as it is told, until its standard
// input ends; then it waits for all receipts and writes one line of JSON about them.
//
// Arguments: the hub's address, its own name, the receiver, messages a second.

import { connect } from "../lib/client.ts";

/** Most messages that have no receipt yet. */
const MOST = 20_000;
const TICK_MS = 10;

const [server = "", name = "", to = "", rate = ""] = Deno.args;
const perTick = Number(rate) * TICK_MS / 1000;
const client = await connect({ name, server, bufferBytes: 64 * 1024 ** 2 });
const refused: { i: number; why: string }[] = [];
const receipts = new Set<Promise<void>>();
let sent = 0, safe = 0, over = false, done = false;

async function deliver(i: number): Promise<void> {
  try {
    await client.deliver({ cmd: "count", to, i, fill: "0123456789".repeat(6) });
    safe++;
  } catch (error) {
    refused.push({ i, why: error instanceof Error ? error.message : String(error) });
  }
}

const begun = performance.now();
let spent = 0;
const ticker = setInterval(() => {
  if (over) return; // Deno 2.4 may call a timer once more that has been cleared
  // What could not be sent while the hub was away is not made up for.
  const ticks = (performance.now() - begun) / TICK_MS;
  let count = Math.min(Math.round((ticks - spent) * perTick), Math.round(perTick * 10));
  spent = ticks;
  while (count-- > 0 && receipts.size < MOST) {
    const receipt: Promise<void> = deliver(sent++).finally(() => receipts.delete(receipt));
    receipts.add(receipt);
  }
}, TICK_MS);
const reporter = setInterval(() => {
  if (!done) console.log(JSON.stringify({ safe, sent }));
}, 100);
for await (const _ of Deno.stdin.readable) {
  // nothing is said, only the end matters
}
over = true;
clearInterval(ticker);
await Promise.all(receipts);
done = true;
clearInterval(reporter);
console.log(JSON.stringify({ over, sent, safe, refused }));
await client.close();
