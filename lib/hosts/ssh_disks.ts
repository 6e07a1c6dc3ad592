// The disks of a computer that is reached through ssh: watched as those of this one are, by what `df`
// says there.

import type { Program } from "../experiment/program.ts";
import { type DiskSpace, parseDf } from "../process/disk_space.ts";
import { type DiskWatch, watchDisks } from "../run/disk_watch.ts";
import { type Alarm, createAlarms } from "../status/alarms.ts";
import type { HostLimits } from "./host_report.ts";
import { quoteWord } from "./ssh_script.ts";
import type { SshShell } from "./ssh_shell.ts";

/** Where the output of programs is until it is brought over; relative to the home folder there. */
const STATE_FOLDER = ".local/state/abcd/ssh";
/** How long `df` may take, in seconds: a network disk that is gone there holds it for good. */
const DF_SEC = 10;
/** What its answer may take on the line besides, in seconds. */
const LINE_SEC = 10;

/** Asks for the room where a folder is, or would be made. */
function dfScript(folder: string): string {
  return [
    `p=${quoteWord(folder)}`,
    `until [ -e "$p" ]; do case $p in */*) p=\${p%/*}; [ "$p" ] || p=/;; *) p=.;; esac; done`,
    `export LC_ALL=C`,
    `command -v timeout >/dev/null && set -- timeout -s KILL ${DF_SEC}`,
    `"$@" df -Pk "$p" 2>&1`,
  ].join("\n");
}

/** The room of a folder there; `undefined`: the computer is not reached now. */
async function sshDiskSpace(
  shell: SshShell,
  folder: string,
): Promise<DiskSpace | undefined> {
  let text: string;
  try {
    text = await shell.aside(dfScript(folder), DF_SEC + LINE_SEC) ?? "";
  } catch {
    return undefined; // its programs are shown to be unreachable
  }
  const space = parseDf(text);
  if (space !== undefined) return space;
  throw new Error(
    text.trim() === ""
      ? `df says nothing in ${DF_SEC} s; a network disk that is gone?`
      : text.trim().split("\n").at(-1),
  );
}

/** What {@linkcode watchSshDisks} works with. */
export interface SshDisksOptions {
  readonly shell: SshShell;
  readonly limits: () => HostLimits;
  /** All programs of the experiment. */
  readonly programs: () => readonly Program[];
  readonly alarm: (alarm: Alarm) => void;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** Watches the disks there that the programs write to, as long as there is one. */
export function watchSshDisks(options: SshDisksOptions): DiskWatch {
  const { shell, limits, programs, alarm, now } = options;
  return watchDisks({
    limits: () => ({ ...limits(), hostFolders: {} }),
    folders() {
      const there = programs().filter(({ host, via }) => host === shell.host && via === "ssh");
      return there.length === 0 ? [] : [STATE_FOLDER, ...there.map(({ cwd }) => cwd)];
    },
    alarms: createAlarms(alarm),
    now,
    distinct: (folders) => Promise.resolve([...folders]),
    look: (folder) => sshDiskSpace(shell, folder),
  });
}
