import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { temporaryFolder, until } from "../../tests/harness.ts";
import { NO_LOG } from "../log.ts";
import { type HubRecords, openHubRecords } from "./hub_records.ts";
import { createJournal } from "./journal.ts";

const LINE = `{"is":"value","of":"t","until":null,"m":{"cmd":"x"}}`;

function keep({ journal }: HubRecords, i: number): void {
  const message = { cmd: "x", from: "a", i };
  journal.append(JSON.stringify(message), message);
}

async function numbersIn({ journal }: HubRecords): Promise<unknown[]> {
  const { records } = await journal.page({}, {});
  return records.map((record) => JSON.parse(record).m.i);
}

Deno.test("hub records: what cannot be opened is tried again, and goes on where it was", async () => {
  await using folder = await temporaryFolder();
  const records = `${folder.path}/records`;
  const options = { journal: { folder: records }, log: NO_LOG, retryMs: 10 };
  {
    await using first = await openHubRecords({ ...options, onAlarm: () => {} });
    keep(first, 1);
    first.ledger.append(LINE);
    await Promise.all([first.journal.synced(1), first.ledger.synced()]);
  }
  await Deno.rename(records, `${folder.path}/disk`);
  await Deno.writeTextFile(records, "");

  const alarms: string[] = [];
  await using late = await openHubRecords({
    ...options,
    onAlarm: (of, state) => alarms.push(`${of} ${state}`),
  });
  const recalled: string[] = [];
  late.ledger.recallLate?.((lines) => recalled.push(...lines));
  late.ledger.rewriteFrom(() => [LINE, LINE], () => 2 * LINE.length);
  assertMatch(String(late.journal.stats().stopped), /^Cannot write a journal in/);
  assertMatch(late.ledger.stats().stopped ?? "", /^Cannot write a journal in/);
  const seq = late.journal.seq + 1;
  keep(late, 2);
  await assertRejects(() => late.journal.synced(seq), Error, "Cannot write a journal in");
  await assertRejects(() => late.ledger.synced(), Error, "Cannot write a journal in");
  await assertRejects(() => late.journal.page({}, {}), Error, "this hub keeps no journal: Cannot");

  // In one step: a try in between would make a folder of its own.
  await Deno.symlink("disk", `${folder.path}/link`);
  await Deno.rename(`${folder.path}/link`, records);
  await until(() => alarms.length === 2, "it is opened");
  assertEquals(alarms, ["journal resumed", "ledger resumed"]);
  await assertRejects(() => late.journal.synced(seq), Error, "before the journal could be opened");
  keep(late, 3);
  await Promise.all([late.journal.synced(late.journal.seq), late.ledger.synced()]);
  assertEquals(await numbersIn(late), [1, 3]);
  assertEquals([late.journal.stats().stopped, late.journal.stats().lost], [undefined, 1]);
  assertEquals(recalled, [LINE]);
  const written = await Deno.readTextFile(`${records}/ledger.ndjson`);
  assertEquals(written.replaceAll(/"sum":"\w+",/g, ""), `${LINE}\n${LINE}\n`);
});

Deno.test("hub records: a folder that another hub holds is taken over when that has ended", async () => {
  await using folder = await temporaryFolder();
  const first = await createJournal({ folder: folder.path });
  const alarms: string[] = [];
  let second: HubRecords | undefined;
  try {
    second = await openHubRecords({
      ...{ journal: { folder: folder.path }, log: NO_LOG, retryMs: 10 },
      onAlarm: (of, state) => alarms.push(`${of} ${state}`),
    });
    assertMatch(String(second.journal.stats().stopped), /another hub does/);
  } finally {
    await first[Symbol.asyncDispose]();
  }
  await until(() => alarms.length === 2, "it is taken over");
  assert(second.journal.stats().stopped === undefined);
  await second[Symbol.asyncDispose]();
});
