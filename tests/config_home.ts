// The tests' own folder of keys: a hub of the tests and its clients find one key there, and the user's
// own is neither used nor touched. To be imported by whatever joins a hub in a test.

import { type Key, makeMainKey } from "../lib/keys/key.ts";
import { readKeyFile, writeKeyFile } from "../lib/keys/key_file.ts";

const PREFIX = `${Deno.env.get("TMPDIR") ?? "/tmp"}/abcd-test-config-`;

function isAlive(pid: string): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return Deno.build.os !== "linux"; // elsewhere they stay
  }
}

/** Folders of test runs that are over: a run cannot remove its own, as its files share it. */
function removeOld(): void {
  const folder = PREFIX.slice(0, PREFIX.lastIndexOf("/"));
  for (const { name } of Deno.readDirSync(folder)) {
    const pid = `${folder}/${name}`.startsWith(PREFIX) ? name.slice(name.lastIndexOf("-") + 1) : "";
    if (!/^\d+$/.test(pid) || isAlive(pid)) continue;
    try {
      Deno.removeSync(`${folder}/${name}`, { recursive: true });
    } catch {
      // another run does the same
    }
  }
}

/** `XDG_CONFIG_HOME` of this test run: all of its files are one process, and have one environment. */
export const CONFIG_HOME = `${PREFIX}${Deno.pid}`;

removeOld();
Deno.mkdirSync(CONFIG_HOME, { recursive: true, mode: 0o700 });
writeKeyFile(`${CONFIG_HOME}/abcd/key`, makeMainKey());
Deno.env.set("XDG_CONFIG_HOME", CONFIG_HOME);
for (const name of ["ABCD_KEY", "ABCD_KEY_FILE", "ABCD_CA", "ABCD_SERVER"]) Deno.env.delete(name);

/** The key of this test run's hubs. */
export function testKey(): Key {
  const key = readKeyFile(`${CONFIG_HOME}/abcd/key`);
  if (key === undefined) throw new Error(`Cannot find the tests' key in ${CONFIG_HOME}`);
  return key;
}
