// A durable program that counts what it gets of each sender, and notices what comes twice or out of
// order, until its standard input ends; then it writes one line of JSON about it.
//
// Arguments: the hub's address, its own name.

import { connect } from "../lib/client.ts";

const [server = "", name = ""] = Deno.args;
const client = await connect({ name, server, durable: true });
/** By sender: how many came, the last number, and what was wrong. */
const seen: { [sender: string]: { count: number; last: number; wrong: string[] } } = {};
client.on("count", ({ from = "", i }) => {
  const entry = seen[from] ??= { count: 0, last: -1, wrong: [] };
  entry.count++;
  // A hole is no fault of the order: what is missing is for the test to judge.
  if (Number(i) <= entry.last) entry.wrong.push(`${i} behind ${entry.last}`);
  entry.last = Math.max(entry.last, Number(i));
});
let over = false;
const reporter = setInterval(() => {
  // Deno 2.4 may call a timer once more that has been cleared.
  if (!over) console.log(JSON.stringify({ seen }));
}, 100);
for await (const _ of Deno.stdin.readable) {
  // nothing is said, only the end matters
}
over = true;
clearInterval(reporter);
console.log(JSON.stringify({ over, seen }));
await client.close();
