// Which files go for their age, when the computer's clock is set.

import { assertEquals } from "@std/assert";
import { NO_LOG } from "../log_contract.ts";
import { Group } from "./group.ts";
import { openSegments, type Segments } from "./segments.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const NOTHING = new Uint8Array();
/** When the folder's first files are found, in milliseconds since 1970. */
const START = 1_700_000_000_000;

/** A folder of files of one message each, with clocks that are the test's. */
class Lab implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "abcd-segments-" });
  #segments: Segments | undefined;
  #seq = 1;
  /** A clock that nobody sets, and by how much the other one is ahead of it. */
  #steady = 0;
  lead = START;

  async open(): Promise<void> {
    await this.#segments?.close();
    const begun = this.#steady;
    this.#segments = await openSegments({
      folder: this.#folder,
      clock: () => this.#steady + this.lead,
      // Each process begins with one of its own.
      steady: () => this.#steady - begun,
      retentionSec: 30 * DAY / 1000,
      retentionBytes: 1e9,
      segmentBytes: 10,
      blockBytes: 1000,
      log: NO_LOG,
      damaged(text) {
        throw new Error(text);
      },
    });
  }

  /** Lets time pass, with a message and so a file each `every`; returns how many files there are. */
  async pass(ms: number, every: number): Promise<number> {
    for (let passed = 0; passed < ms; passed += every) {
      this.#steady += every;
      await this.#write();
    }
    return this.#segments?.count ?? 0;
  }

  async #write(): Promise<void> {
    const group = new Group({ maxBytes: 1000, pieceBytes: 1000, largestBytes: 1000 });
    const text = new TextEncoder().encode('{"cmd":"a","from":"b"}');
    const route = { cmd: "a", from: "b" };
    const at = this.#steady + this.lead;
    group.add(this.#seq++, at, route, text, 0, text.length, NOTHING);
    const [piece] = group.take();
    if (piece === undefined) throw new Error("there is no piece");
    await this.#segments?.write(piece);
    await this.#segments?.sync();
    const [name] = [...Deno.readDirSync(this.#folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".ndjson")).sort().reverse();
    // As if the computer's clock were the test's.
    Deno.utimeSync(`${this.#folder}/${name}`, new Date(at), new Date(at));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#segments?.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("segments: files go by age, those of this process and those of before", async () => {
  await using lab = new Lab();
  await lab.open();
  assertEquals(await lab.pass(60 * DAY, DAY), 31);
  await lab.open();
  // What was found is as old as it says once the clock is proven.
  assertEquals(await lab.pass(60 * DAY, DAY), 31);
});

Deno.test("segments: a clock that is a year ahead for a while removes nothing", async () => {
  await using lab = new Lab();
  await lab.open();
  await lab.pass(10 * DAY, DAY);
  await lab.open();
  await lab.pass(10 * DAY, DAY);
  lab.lead += YEAR;
  assertEquals(await lab.pass(4 * HOUR, HOUR), 24);
  lab.lead -= YEAR;
  assertEquals(await lab.pass(4 * HOUR, HOUR), 28);
});

Deno.test("segments: a clock that is a year ahead at the start, for a while, removes nothing", async () => {
  await using lab = new Lab();
  await lab.open();
  await lab.pass(10 * DAY, DAY);
  lab.lead += YEAR;
  await lab.open();
  assertEquals(await lab.pass(4 * HOUR, HOUR), 14);
  lab.lead -= YEAR;
  assertEquals(await lab.pass(4 * HOUR, HOUR), 18);
});

Deno.test("segments: a clock that was decades behind at the start makes nothing of then old", async () => {
  await using lab = new Lab();
  lab.lead = 0;
  await lab.open();
  await lab.pass(10 * HOUR, HOUR);
  lab.lead = START;
  assertEquals(await lab.pass(20 * HOUR, HOUR), 30);
});

Deno.test("segments: a clock that is set back does not stop files from going", async () => {
  await using lab = new Lab();
  await lab.open();
  await lab.pass(20 * DAY, DAY);
  lab.lead -= YEAR;
  assertEquals(await lab.pass(60 * DAY, DAY), 31);
});
