// For a test: sets 500 values again and again in a ledger, which is written anew all the time, until it
// is killed. "safe N": value N is safe, and all before.

import { openLedger } from "../lib/journal/ledger.ts";

const KEYS = 500;
const [path = ""] = Deno.args;
// It is always much larger than what is said to hold: after each renewal the next one begins.
const ledger = await openLedger({ path, slackBytes: 1000, fsyncMs: 1, ackMs: 0 });
const values = new Map<number, number>();
for (const line of ledger.recall()) {
  const { key, value } = JSON.parse(line);
  values.set(key, value);
}
const fill = "x".repeat(2000);
const lineOf = (key: number, value: number) => JSON.stringify({ key, value, fill });
ledger.rewriteFrom(function* () {
  for (const key of [...values.keys()]) yield lineOf(key, values.get(key) ?? 0);
}, () => 1);
const encoder = new TextEncoder();
for (let last = Math.max(0, ...values.values());;) {
  for (let i = 0; i < 20; i++) {
    last++;
    values.set(last % KEYS, last);
    ledger.append(lineOf(last % KEYS, last));
  }
  await ledger.synced();
  Deno.stdout.writeSync(encoder.encode(`safe ${last}\n`));
}
