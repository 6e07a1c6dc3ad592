// How the parts of the code hang together: imports point one way.

import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../lib/version.ts";

const ROOT = new URL("../", import.meta.url);

type Source = { path: string; text: string; imports: string[] };

function sources(folder: string): Source[] {
  const found: Source[] = [];
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) found.push(...sources(`${path}/`));
    if (!entry.isFile || !entry.name.endsWith(".ts") || entry.name.endsWith("_test.ts")) continue;
    found.push(source(path));
  }
  return found;
}

function source(path: string): Source {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  const imports = [
    ...text.matchAll(/^(?:import|(?:import|export|\}).*\sfrom)\s+"([^"]+)"/gm),
    ...text.matchAll(/\bimport\(\s*"([^"]+)"/g),
  ].map(([, target = ""]) =>
    target.startsWith(".")
      ? new URL(target, new URL(path, ROOT)).href.slice(ROOT.href.length)
      : target
  );
  return { path, text, imports };
}

const LIB = sources("lib/");

function offenders(of: readonly Source[], forbidden: (target: string) => boolean): string[] {
  return of.flatMap(({ path, imports }) =>
    imports.filter(forbidden).map((target) => `${path} imports ${target}`)
  );
}

Deno.test("structure: the search for imports finds them", () => {
  assert(LIB.length > 10);
  const message = LIB.find(({ path }) => path === "lib/message_form.ts");
  assertEquals(message?.imports.sort(), [
    "lib/defaults.ts",
    "lib/json_mistake.ts",
    "lib/plain_text.ts",
    "lib/topic.ts",
  ]);
});

Deno.test("structure: no file of lib imports what imports it, types neither", () => {
  const targets = new Map(LIB.map(({ path, imports }) => [path, imports]));
  const circles = LIB.filter(({ path }) => {
    const seen = new Set<string>(), next = [...targets.get(path) ?? []];
    for (let one = next.pop(); one !== undefined; one = next.pop()) {
      if (seen.has(one)) continue;
      seen.add(one);
      next.push(...targets.get(one) ?? []);
    }
    return seen.has(path);
  });
  assertEquals(circles.map(({ path }) => path), []);
});

Deno.test("structure: nothing in lib imports cli, tests, server.ts or mod.ts", () => {
  const above = /^(cli\/|tests\/|server\.ts$|mod\.ts$)/;
  assertEquals(offenders(LIB, (target) => above.test(target)), []);
});

/** The folder of lib that a file is in; a file of lib itself is alone, or heads the folder of its name. */
function roomOf(path: string): string {
  return path.replace(/^lib\//, "").replace(/\/.*|\.ts$/, "");
}

/** What each room imports. */
const ROOMS = new Map<string, Set<string>>();
for (const { path, imports } of LIB) {
  const room = ROOMS.get(roomOf(path)) ?? new Set();
  ROOMS.set(roomOf(path), room);
  for (const target of imports) {
    if (target.startsWith("lib/") && roomOf(target) !== roomOf(path)) room.add(roomOf(target));
  }
}

const FOLDERS = new Set(
  LIB.filter(({ path }) => path.split("/").length > 2).map(({ path }) => roomOf(path)),
);

Deno.test("structure: no folder of lib imports what imports it, by whatever way", () => {
  const circles = [...FOLDERS].filter((folder) => {
    const seen = new Set<string>();
    const visit = (room: string) => {
      for (const next of ROOMS.get(room) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        visit(next);
      }
    };
    visit(folder);
    return seen.has(folder);
  });
  assertEquals(circles, []);
});

Deno.test("structure: what runs programs imports one way, from what the file says upwards", () => {
  const below: { readonly [room: string]: readonly string[] } = {
    experiment: [],
    status: [],
    process: [],
    run: ["experiment", "process", "status"],
    data_run: ["experiment", "run", "status"],
    hosts: ["exec", "experiment", "process", "run", "status"],
  };
  for (const [room, allowed] of Object.entries(below)) {
    assert(FOLDERS.has(room), room);
    const found = [...ROOMS.get(room) ?? []].filter((one) => FOLDERS.has(one) && one !== "client");
    assertEquals(found.filter((one) => !allowed.includes(one)), [], `what ${room} imports`);
  }
  const rules = ["experiment", "status"].flatMap((room) => [...ROOMS.get(room) ?? []]);
  assert(!rules.includes("client"), "an experiment file is read without a hub");
});

Deno.test("structure: only lib/log.ts imports @std/log", () => {
  const others = [...LIB, ...sources("cli/")].filter(({ path }) => path !== "lib/log.ts");
  assertEquals(offenders(others, (target) => target.startsWith("@std/log")), []);
});

Deno.test("structure: the hub itself knows nothing of Deno", () => {
  const hub = LIB.filter(({ path }) => path.startsWith("lib/hub/"));
  assert(hub.length > 0);
  const code = (text: string) => text.replace(/\/\*[^]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
  assertEquals(hub.filter(({ text }) => /\bDeno\./.test(code(text))).map(({ path }) => path), []);
});

Deno.test("structure: the version is that of deno.json", () => {
  const config: { version: string } = JSON.parse(
    Deno.readTextFileSync(new URL("deno.json", ROOT)),
  );
  assertEquals(VERSION, config.version);
});

Deno.test("structure: what mod.ts imports is here, down to the last: others use it without packages", () => {
  const all = [...LIB, source("mod.ts")];
  const seen = new Set<string>();
  const strangers: string[] = [];
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const found = all.find((one) => one.path === path);
    if (found === undefined) strangers.push(path);
    found?.imports.forEach(visit);
  };
  visit("mod.ts");
  assertEquals(strangers, []);
  assert(seen.size > 10);
});
