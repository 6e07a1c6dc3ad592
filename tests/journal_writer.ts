// A writer that is killed: tells on standard output the number up to which all is safe.

import { createJournal } from "../lib/journal/journal.ts";

const [folder = ""] = Deno.args;
await using journal = await createJournal({ folder, segmentBytes: 20_000, blockBytes: 2_000 });
const encoder = new TextEncoder();
for (;;) {
  for (let i = 0; i < 20; i++) {
    const message = { cmd: "count", from: "writer", i: journal.seq + 1 };
    journal.append(JSON.stringify(message), message);
  }
  const { seq } = journal;
  await journal.synced();
  Deno.stdout.writeSync(encoder.encode(`${seq}\n`));
}
