import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { mountSmall } from "../../tests/small_disk.ts";
import type { Message } from "../message.ts";
import { createJournal, type Journal, type JournalOptions } from "./journal.ts";
import type { JournalQuery } from "./query.ts";

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "abcd-journal-" });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}

function keep(journal: Journal, ...messages: Message[]): void {
  for (const message of messages) journal.append(JSON.stringify(message), message);
}

async function found(journal: Journal, query: JournalQuery = {}): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const { record } of journal.read(query)) messages.push(record.message);
  return messages;
}

async function values(journal: Journal, query: JournalQuery = {}): Promise<unknown[]> {
  return (await found(journal, query)).map(({ i }) => i);
}

function numbered(from: number, to: number, name = "hv"): Message[] {
  return Array.from({ length: to - from }, (_, k) => ({
    cmd: "monit",
    from: name,
    i: from + k,
  }));
}

const SMALL = { segmentBytes: 2000, blockBytes: 500 } satisfies Partial<JournalOptions>;

async function files(folder: string, ending: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(ending)) names.push(name);
  return names.sort();
}

Deno.test("journal: what was kept is read, as it was, and again after a restart", async () => {
  await using folder = await temporaryFolder();
  const odd = { cmd: "é€😀", from: "a", text: 'line\nand "quotes"', nested: { to: "b" } };
  {
    await using journal = await createJournal({ folder: folder.path, ...SMALL });
    keep(journal, ...numbered(0, 400));
    journal.append(new TextEncoder().encode(JSON.stringify(odd)), odd);
    assertEquals(await values(journal), [...Array(400).keys(), undefined]);
    assertEquals(journal.seq, 401);
  }
  await using again = await createJournal({ folder: folder.path, ...SMALL });
  assertEquals(again.seq, 401);
  keep(again, { cmd: "last", from: "z" });
  const all = await found(again);
  assertEquals(all.length, 402);
  assertEquals(all[400], odd);
  assert(again.stats().segments > 5);
  const [first = ""] = await files(folder.path, ".ndjson");
  const lines = (await Deno.readTextFile(`${folder.path}/${first}`)).trim().split("\n");
  // A mark, and the message as it was.
  const { seq, at } = JSON.parse(lines[0] ?? "");
  assertEquals(seq, 1);
  assert(Math.abs(at - Date.now() / 1000) < 60, `${at}`);
  assertEquals(lines[1], '{"cmd":"monit","from":"hv","i":0}');
});

Deno.test("journal: by time, number, name, command and topic", async () => {
  await using folder = await temporaryFolder();
  let now = 1_000_000;
  await using journal = await createJournal({
    folder: folder.path,
    clock: () => now,
    ...SMALL,
  });
  for (let i = 0; i < 300; i++) {
    now = 1_000_000 + i * 1000;
    keep(journal, {
      cmd: i % 3 === 0 ? "monit" : "state",
      from: `p${i % 7}`,
      ...(i % 2 === 0 ? { to: "run" } : { topic: `run/${i % 5}` }),
      i,
    });
  }
  const every = [...Array(300).keys()];
  assertEquals(await values(journal, { since: 1100, until: 1110 }), every.slice(100, 110));
  assertEquals(await values(journal, { after: 10, through: 12 }), [10, 11]);
  assertEquals(
    await values(journal, { from: ["p3"], cmd: ["monit"] }),
    every.filter((i) => i % 7 === 3 && i % 3 === 0),
  );
  assertEquals(await values(journal, { to: ["run"] }), every.filter((i) => i % 2 === 0));
  assertEquals(
    await values(journal, { topic: ["run/4", "nothing/#"] }),
    every.filter((i) => i % 2 === 1 && i % 5 === 4),
  );
  assertEquals(
    await values(journal, { topic: ["run/+"], not: [{ from: ["p1"] }] }).then((v) => v.length),
    every.filter((i) => i % 2 === 1 && i % 7 !== 1).length,
  );
  assertEquals(await values(journal, { from: ["nobody"] }), []);
});

Deno.test("journal: a mark stands where time or numbers do not go on, and nowhere else", async () => {
  await using folder = await temporaryFolder();
  let now = 1_700_000_000_000;
  await using journal = await createJournal({
    folder: folder.path,
    clock: () => now,
    bufferBytes: 400,
    fsyncMs: 60_000,
  });
  keep(journal, ...numbered(0, 3));
  now += 1;
  // The last of them is too much for the buffer.
  keep(journal, ...numbered(3, 5), { cmd: "long", from: "a", text: "x".repeat(400) });
  // Time goes back, when somebody sets the clock.
  now -= 5;
  keep(journal, ...numbered(6, 7));
  assertEquals(await values(journal), [0, 1, 2, 3, 4, 6]);
  // A new group begins with a mark, so that each can be read by itself.
  keep(journal, ...numbered(7, 9));
  assertEquals(await values(journal), [0, 1, 2, 3, 4, 6, 7, 8]);
  const [name = ""] = await files(folder.path, ".ndjson");
  const lines = (await Deno.readTextFile(`${folder.path}/${name}`)).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).i ?? line), [
    '{"seq":1,"at":1700000000}',
    ...[0, 1, 2],
    '{"seq":4,"at":1700000000.001}',
    ...[3, 4],
    '{"seq":7,"at":1699999999.996}',
    6,
    '{"seq":8,"at":1699999999.996}',
    ...[7, 8],
  ]);
  const at: [number, number][] = [];
  for await (const { record } of journal.read({ after: 3, through: 8 })) {
    at.push([record.seq, record.at]);
  }
  assertEquals(at, [
    [4, 1700000000.001],
    [5, 1700000000.001],
    [7, 1699999999.996],
    [8, 1699999999.996],
  ]);
});

Deno.test("journal: a message that begins like a mark is none", async () => {
  await using folder = await temporaryFolder();
  const sly: Message[] = [
    { seq: 90, at: 1, cmd: "x", from: "a", i: 0 },
    { seq: 1, at: 2.5, m: { cmd: "y" }, cmd: "x", from: "a", i: 1 },
  ];
  {
    await using journal = await createJournal({ folder: folder.path });
    keep(journal, ...sly);
    assertEquals(await found(journal), sly);
  }
  // Without the index, too.
  for (const name of await files(folder.path, ".index")) {
    await Deno.remove(`${folder.path}/${name}`);
  }
  await using again = await createJournal({ folder: folder.path });
  assertEquals(await found(again), sly);
  assertEquals([again.seq, again.stats().damaged], [2, 0]);
});

Deno.test("journal: what follows a damaged mark keeps its numbers and order", async () => {
  await using folder = await temporaryFolder();
  let now = 1_700_000_000_000;
  {
    await using journal = await createJournal({ folder: folder.path, clock: () => now });
    for (let i = 0; i < 3; i++, now += 10) keep(journal, ...numbered(10 * i, 10 * i + 3));
  }
  const [name = ""] = await files(folder.path, ".ndjson");
  const path = `${folder.path}/${name}`;
  const text = await Deno.readTextFile(path);
  for (const bad of ['{"seq":4,"at":17000000x0.01}', '{"seq":2,"at":1}', "", "rubbish"]) {
    await Deno.writeTextFile(path, text.replace(/\{"seq":4,.*\}/, bad));
    await using journal = await createJournal({ folder: folder.path, clock: () => now });
    const records: [number, unknown][] = [];
    for await (const { record } of journal.read({})) records.push([record.seq, record.message.i]);
    assertEquals(records.slice(0, 6), [[1, 0], [2, 1], [3, 2], [4, 10], [5, 11], [6, 12]], bad);
    assertEquals(records.slice(6), [[7, 20], [8, 21], [9, 22]], bad);
    assertEquals([journal.seq, journal.stats().damaged], [9, 1], bad);
  }
});

Deno.test("journal: a name written with escapes is found, too", async () => {
  await using folder = await temporaryFolder();
  await using journal = await createJournal({ folder: folder.path });
  journal.append('{"cmd":"\\u0078","from":"a","i":1}', { cmd: "x", from: "a" });
  assertEquals(await values(journal, { cmd: ["x"] }), [1]);
});

Deno.test("journal: old files go by size", async () => {
  await using folder = await temporaryFolder();
  const options = { folder: folder.path, ...SMALL, retentionBytes: 10_000 };
  await using journal = await createJournal(options);
  keep(journal, ...numbered(0, 1000));
  const left = await values(journal);
  assertEquals(left.at(-1), 999);
  assert(left.length < 300 && left.length > 50, `${left.length}`);
  assert(journal.stats().bytes <= 10_000);
  // An index goes with its segment.
  const kept = await files(folder.path, ".ndjson");
  for (const name of await files(folder.path, ".index")) {
    assert(kept.includes(name.replace(".index", ".ndjson")), name);
  }
});

Deno.test("journal: a last line torn at any byte is cut off, and nothing before it", async () => {
  await using folder = await temporaryFolder();
  {
    await using journal = await createJournal({ folder: folder.path });
    keep(journal, ...numbered(0, 5));
  }
  const [name = ""] = await files(folder.path, ".ndjson");
  const path = `${folder.path}/${name}`;
  const whole = await Deno.readFile(path);
  const last = whole.subarray(0, -1).lastIndexOf(10) + 1;
  for (let cut = last; cut < whole.length; cut++) {
    await Deno.writeFile(path, whole.subarray(0, cut));
    await using journal = await createJournal({ folder: folder.path });
    assertEquals(journal.seq, 4, `cut at ${cut}`);
    keep(journal, { cmd: "new", from: "a", i: "new" });
    assertEquals(await values(journal), [0, 1, 2, 3, "new"]);
    if (cut > last) {
      assertEquals(
        await Deno.readFile(path.replace(".ndjson", ".torn")),
        whole.slice(last, cut),
      );
      assertEquals(journal.stats().damaged, 1);
    }
  }
});

Deno.test("journal: a flipped byte anywhere is noticed; all other records are there", async () => {
  await using folder = await temporaryFolder();
  {
    await using journal = await createJournal({ folder: folder.path });
    keep(journal, ...numbered(0, 8));
  }
  const [name = ""] = await files(folder.path, ".ndjson");
  const path = `${folder.path}/${name}`;
  const index = path.replace(".ndjson", ".index");
  const whole = await Deno.readFile(path);
  const indexed = await Deno.readFile(index);
  for (let at = 0; at < whole.length; at += 3) {
    const flipped = whole.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    await Deno.writeFile(path, flipped);
    await Deno.writeFile(index, indexed);
    const alarms: string[] = [];
    await using journal = await createJournal({
      folder: folder.path,
      onAlarm: (state) => alarms.push(state),
    });
    assert(alarms.includes("damaged"), `byte ${at}`);
    assertEquals(await Deno.readFile(path.replace(".ndjson", ".damaged")), flipped);
    const there = await values(journal);
    const others = numbered(0, 8).filter(({ i }) => there.includes(i)).length;
    // A newline that is none any more takes two records with it; and a number may now be larger.
    assert(others >= 6 || journal.seq > 8, `byte ${at}: ${there}`);
  }
});

Deno.test("journal: an index that is gone, cut or wrong is made again", async () => {
  await using folder = await temporaryFolder();
  {
    await using journal = await createJournal({ folder: folder.path, ...SMALL });
    keep(journal, ...numbered(0, 300));
  }
  const [a = "", b = "", c = ""] = (await files(folder.path, ".index")).map((n) =>
    `${folder.path}/${n}`
  );
  const good = await Deno.readTextFile(a);
  await Deno.remove(a);
  await Deno.writeTextFile(b, "rubbish\n");
  await Deno.truncate(c, 100);
  await using journal = await createJournal({ folder: folder.path, ...SMALL });
  assertEquals(await values(journal), [...Array(300).keys()]);
  assertEquals(journal.stats().damaged, 0);
  // Blocks may be cut elsewhere, but they say the same.
  const sum = (text: string) =>
    text.trim().split("\n").reduce((n, line) => n + JSON.parse(line).count, 0);
  assertEquals(sum(await Deno.readTextFile(a)), sum(good));
});

Deno.test("journal: synced tells that it is on the disk", async () => {
  await using folder = await temporaryFolder();
  await using journal = await createJournal({ folder: folder.path, fsyncMs: 60_000 });
  await journal.synced();
  keep(journal, ...numbered(0, 3));
  assertEquals(journal.stats().synced, 0);
  await journal.synced();
  assertEquals(journal.stats().synced, 3);
  const [name = ""] = await files(folder.path, ".ndjson");
  const text = await Deno.readTextFile(`${folder.path}/${name}`);
  assertEquals(text.match(/"monit"/g)?.length, 3);
});

Deno.test("journal: what waits is bounded, and what is lost is counted and said", async () => {
  await using folder = await temporaryFolder();
  const alarms: string[] = [];
  await using journal = await createJournal({
    folder: folder.path,
    bufferBytes: 1000,
    onAlarm: (state) => void alarms.push(state),
  });
  keep(journal, ...numbered(0, 100));
  await assertRejects(() => journal.synced(), Error, "wait for the disk");
  await Promise.resolve();
  assertEquals(alarms, ["losing"], "once");
  const { lost, waiting } = journal.stats();
  assert(lost > 50 && waiting <= 1000, `${lost} ${waiting}`);
  const there = await values(journal);
  assertEquals(there, [...Array(100 - lost).keys()]);
  keep(journal, { cmd: "x", from: "a", i: "later" });
  assertEquals(journal.seq, 101);
  assertEquals((await values(journal)).at(-1), "later");
  assertEquals(alarms, ["losing", "resumed"]);
});

Deno.test("journal: a folder belongs to one journal", async () => {
  await using folder = await temporaryFolder();
  {
    await using _one = await createJournal({ folder: folder.path });
    const command = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `using f = Deno.openSync(${JSON.stringify(`${folder.path}/lock`)}, { write: true });
         const late = setTimeout(() => { console.log("held"); Deno.exit(0); }, 200);
         await f.lock(true); clearTimeout(late); console.log("free");`,
      ],
    });
    assertMatch(new TextDecoder().decode((await command.output()).stdout), /held/);
  }
  await using again = await createJournal({ folder: folder.path });
  assertEquals(again.seq, 0);
});

Deno.test("journal: a folder that cannot be used is an error that says which", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  await assertRejects(() => createJournal({ folder: `${folder.path}/file/journal` }), Error);
});

Deno.test({
  name: "journal: a full disk costs nothing of a file that is to be repaired",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    await using folder = await temporaryFolder();
    await using disk = await mountSmall(`${folder.path}/small`);
    if (disk === undefined) return;
    const journalFolder = `${folder.path}/small/journal`;
    const route = { cmd: "x", from: "a" };
    const text = JSON.stringify({ ...route, pad: "y".repeat(200) });
    const begin = async () => {
      const said: string[] = [];
      const onAlarm = (_: unknown, what: string) => void said.push(what);
      return { journal: await createJournal({ folder: journalFolder, onAlarm }), said };
    };
    const count = async (journal: Journal) => (await found(journal)).length;
    {
      const { journal } = await begin();
      await using _ = journal;
      for (let i = 0; i < 1000; i++) journal.append(text, route);
      await journal.synced();
    }
    const path = `${journalFolder}/0000000000000001.ndjson`;
    const whole = await Deno.readFile(path);
    // The last line is torn: the rest is there at once.
    await Deno.writeFile(path, whole.subarray(0, -10));
    await disk.fill();
    {
      const { journal, said } = await begin();
      await using _ = journal;
      assertEquals([await count(journal), journal.seq], [999, 999], said.join());
    }
    // One in the middle is bad: there is no room for a file without it, until there is.
    await disk.free();
    const bad = whole.slice();
    bad[5000] = 1;
    await Deno.writeFile(path, bad);
    await disk.fill();
    {
      const { journal, said } = await begin();
      await using _ = journal;
      assertStringIncludes(said.join(), "cannot be read");
      assertEquals(await Deno.readFile(path), bad);
    }
    await disk.free();
    const { journal, said } = await begin();
    await using _ = journal;
    assertEquals(await count(journal), 999, said.join());
  },
});
