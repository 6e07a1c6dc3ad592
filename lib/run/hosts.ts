// All other computers that a controller has programs on: each host agent behind a link of its own, and
// those that are reached through ssh.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import { createSshHost, type SshHost } from "../process/ssh_start.ts";
import type { Alarm } from "./alarms.ts";
import { createHostLink, type HostLines, type HostLink } from "./host_link.ts";
import type { Presence } from "./presence.ts";
import type { Program } from "./program.ts";
import type { StateFolder } from "./state_folder.ts";

/** Options of {@linkcode createHosts}. */
export interface HostsOptions {
  readonly experiment: string;
  readonly folder: StateFolder;
  readonly client: Client | undefined;
  readonly presence: Presence;
  readonly log: Log;
  readonly now: () => number;
  /** Told of alarms of hosts. */
  readonly alarm: (alarm: Alarm) => void;
}

/** The last lines of programs on hosts. */
export interface RemoteLines {
  readonly lines: readonly HostLines[];
  /** By host: when its lines were read, by its own clock; Unix time in seconds. */
  readonly at: { readonly [host: string]: number };
  /** What could not be had, in words. */
  readonly problems: readonly string[];
}

/** The hosts of a controller. */
export interface Hosts extends Disposable {
  /** The link to a host; made when it is asked for first. */
  link(host: string): HostLink;
  /** A computer that is reached through ssh; made when it is asked for first. */
  ssh(host: string): SshHost;
  tick(): void;
  lines(programs: readonly Program[], count: number, follow?: string): Promise<RemoteLines>;
  /** Lets those have the experiment of which all is stopped. */
  release(isStopped: (host: string) => boolean): Promise<void>;
}

/** This controller's mark; the one of before if there was one, so that hosts know it again. */
function claimOf(folder: StateFolder): string {
  const path = `${folder.path}/claim`;
  try {
    const known = Deno.readTextFileSync(path).trim();
    if (known !== "") return known;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const made = crypto.randomUUID();
  Deno.writeTextFileSync(`${path}.new`, `${made}\n`);
  Deno.renameSync(`${path}.new`, path);
  return made;
}

/** Makes no link before one is asked for. */
export function createHosts(options: HostsOptions): Hosts {
  const links = new Map<string, HostLink>();
  const computers = new Map<string, SshHost>();
  let claim: string | undefined;
  return {
    ssh(host) {
      const computer = computers.get(host) ?? createSshHost(host);
      computers.set(host, computer);
      return computer;
    },
    link(host) {
      claim ??= claimOf(options.folder);
      const alarm = (one: Alarm) => options.alarm({ ...one, source: `${one.source} on ${host}` });
      const link = links.get(host) ?? createHostLink({ ...options, host, claim, alarm });
      links.set(host, link);
      return link;
    },
    tick() {
      for (const link of links.values()) link.tick();
    },
    async lines(programs, count, follow) {
      // What is started by ssh is brought over to the controller's computer.
      const hosts = [
        ...new Set(programs.flatMap(({ host, via }) => via === "agent" ? host ?? [] : [])),
      ];
      const at: Record<string, number> = {};
      const problems: string[] = [];
      const parts = await Promise.all(hosts.map(async (host) => {
        const names = programs.filter((one) => one.host === host && one.via === "agent")
          .map(({ name }) => name);
        try {
          const found = await links.get(host)?.lines(names, count, follow);
          at[host] = found?.at ?? 0;
          return found?.lines ?? [];
        } catch (error) {
          problems.push(error instanceof Error ? error.message : String(error));
          return [];
        }
      }));
      return { lines: parts.flat(), at, problems };
    },
    async release(isStopped) {
      const free = [...links.values()].filter(({ host }) => isStopped(host));
      await Promise.all(free.map((link) => link.release()));
    },
    [Symbol.dispose]() {
      for (const link of links.values()) link[Symbol.dispose]();
      for (const computer of computers.values()) computer[Symbol.dispose]();
    },
  };
}
