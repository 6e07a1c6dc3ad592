import { assertEquals } from "@std/assert";
import type { Client, Outgoing } from "../client.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { NO_LOG } from "../log.ts";
import type { LocalContext } from "../run/local_contract.ts";
import type { Presence } from "../run/presence.ts";
import type { StateFolder } from "../run/state_folder.ts";
import { createHosts } from "./hosts.ts";

Deno.test("hosts: each is told the folders that are watched on it, whatever it is called", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const asked: Outgoing[] = [];
  const client = {
    joined: true,
    request: (message: Outgoing) => (asked.push(message), new Promise(() => {})),
    send() {},
    on: () => () => {},
    subscribe: () => () => {},
    addEventListener: () => () => {},
  } as unknown as Client;
  const presence = { known: true, has: () => true } as Partial<Presence> as Presence;
  const run = { p: { cmd: "x", host: "constructor" }, q: { cmd: "x", host: "toString" } };
  const { programs, disk } = parseExperiment(
    JSON.stringify({ disk: { folders: ["constructor:/data"] }, run }),
    "/lab.jsonc",
  );
  const hosts = createHosts({
    ...{ experiment: "lab", client, presence, log: NO_LOG, now: () => 0, programs: () => programs },
    folder: { path } as Partial<StateFolder> as StateFolder,
    disk: () => disk,
    alarm() {},
  });
  try {
    const context = { log: NO_LOG, now: () => 0, save() {}, changed() {} };
    for (const one of programs) hosts.runner(one, context as Partial<LocalContext> as LocalContext);
    hosts.tick();
    const folders = asked.map(({ to, disk }) => [to, Object(disk).folders]);
    assertEquals(folders, [["constructor", ["/data"]], ["toString", []]]);
  } finally {
    hosts[Symbol.dispose]();
    await Deno.remove(path, { recursive: true });
  }
});
