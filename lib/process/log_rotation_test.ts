import { assert, assertEquals } from "@std/assert";
import { canCollapse, rotateLog } from "./log_rotation.ts";
import { openProgramLog } from "./program_log.ts";

const BLOCK = 4096;

async function inFolder(
  root: string | undefined,
  run: (path: string, collapse: boolean) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir(root === undefined ? {} : { dir: root });
  try {
    await run(`${folder}/a.log`, await canCollapse(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function numbered(lines: number): string {
  return Array.from({ length: lines }, (_, i) => `${i}\n`).join("");
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** All that is kept, oldest first. */
function whole(path: string, backups: number): string {
  const parts = Array.from({ length: backups }, (_, i) => read(`${path}.${backups - i}`));
  return parts.join("") + read(path);
}

Deno.test("rotation: what is moved aside and what is left are the whole, in order", async () => {
  await inFolder(undefined, async (path, collapse) => {
    const text = numbered(20_000);
    await Deno.writeTextFile(path, text);
    const options = { path, maxBytes: 3 * BLOCK + 100, backups: 20, collapse };
    const gone = await rotateLog(options);
    assertEquals(whole(path, 20), text);
    assertEquals(gone, text.length - read(path).length);
    if (!collapse) return;
    assert(read(path).length <= 3 * BLOCK + 100);
    assertEquals(read(`${path}.1`).length, 3 * BLOCK);
    assertEquals(await rotateLog(options), 0);
  });
});

Deno.test("rotation: only so many backups are kept, and they are the newest", async () => {
  await inFolder(undefined, async (path, collapse) => {
    const text = numbered(20_000);
    for (const backups of [2, 0]) {
      await Deno.writeTextFile(path, text);
      await rotateLog({ path, maxBytes: 2 * BLOCK, backups, collapse });
      const kept = whole(path, backups);
      assert(text.endsWith(kept));
      assertEquals(read(`${path}.${backups + 1}`), "");
      if (collapse) assert(kept.length > backups * 2 * BLOCK, String(kept.length));
      for (const i of [1, 2]) await Deno.remove(`${path}.${i}`).catch(() => {});
    }
  });
});

Deno.test("rotation: a writer that goes on meanwhile loses nothing", async () => {
  await inFolder(undefined, async (path, collapse) => {
    if (!collapse) return;
    const script = `i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done`;
    const writer = new Deno.Command("sh", {
      args: ["-c", `exec >>"$0" 2>&1; ${script}`, path],
    }).spawn();
    let ended = false;
    const end = writer.status.then(() => ended = true);
    const options = { path, maxBytes: 2 * BLOCK, backups: 200, collapse };
    while (!ended) {
      if (await Deno.stat(path).then(() => true, () => false)) await rotateLog(options);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await end;
    await rotateLog(options);
    const expected = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join("");
    assert(whole(path, 200) === expected, "something is lost or doubled");
    assert(read(`${path}.10`) !== "", "it was not rotated");
  });
});

Deno.test("rotation: interrupted at any step, it is finished by the next", async () => {
  await inFolder(undefined, async (path, collapse) => {
    if (!collapse) return;
    const text = numbered(3000);
    const options = { path, maxBytes: BLOCK, backups: 9, collapse };
    const front = text.slice(0, BLOCK);
    const mark = `${crypto.randomUUID()} ${BLOCK} \n`;
    const marked = mark + text.slice(mark.length);
    // What lies there after each step of moving one file's worth aside, oldest step first.
    const steps: Record<string, string>[] = [
      { "": text, ".next": front.slice(0, 100) },
      { "": text, ".next": front },
      { "": text, ".next": front, ".mark": mark },
      { "": marked, ".next": front, ".mark": mark },
      { "": marked, ".1": front, ".mark": mark },
      { "": text.slice(BLOCK), ".1": front, ".mark": mark },
      { "": text.slice(BLOCK), ".1": front },
    ];
    for (const [i, files] of steps.entries()) {
      for (const [end, content] of Object.entries(files)) {
        await Deno.writeTextFile(`${path}${end}`, content);
      }
      await rotateLog(options);
      assertEquals(whole(path, 9) === text, true, `interrupted at step ${i}`);
      for (const entry of Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))) {
        assert(/^a\.log(\.\d)?$/.test(entry.name), `step ${i} leaves ${entry.name}`);
        await Deno.remove(`${path.slice(0, path.lastIndexOf("/"))}/${entry.name}`);
      }
    }
  });
});

Deno.test("rotation: where nothing can be cut off, it is copied and emptied", async () => {
  await inFolder(undefined, async (path) => {
    const text = numbered(5000);
    await Deno.writeTextFile(path, text);
    const gone = await rotateLog({ path, maxBytes: BLOCK, backups: 2, collapse: false });
    assertEquals([gone, read(path), read(`${path}.1`)], [text.length, "", text]);
  });
});

Deno.test("a program that was silent for long, and begins to write without end, has its log cut at the next look", async () => {
  await inFolder(undefined, async (path) => {
    const log = openProgramLog({ path, warn: () => {}, moved: () => {} });
    const limits = { maxBytes: 2 * BLOCK, backups: 1 };
    Deno.writeTextFileSync(path, "a line\n");
    for (let i = 0; i < 8; i++) await log.keepSmall(limits);
    Deno.writeFileSync(path, new Uint8Array(100_000), { append: true });
    await log.keepSmall(limits);
    assert(log.end() <= limits.maxBytes, `${log.end()} bytes`);
  });
});
