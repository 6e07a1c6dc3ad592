// All other computers that a controller has programs on: each host agent behind a link of its own, and
// those that are reached through ssh.

import type { DiskLimits } from "../experiment/experiment_file.ts";
import type { HostLimits } from "./host_report.ts";
import { watchSshDisks } from "./ssh_disks.ts";
import { createSshShell } from "./ssh_shell.ts";
import { createSshHost, type SshHost } from "./ssh_start.ts";
import type { DiskWatch } from "../run/disk_watch.ts";
import type { Alarm } from "../status/alarms.ts";
import type { Elsewhere, ElsewhereOptions } from "../run/elsewhere.ts";
import type { StateFolder } from "../run/state_folder.ts";
import { createRemoteRunner } from "./remote_runner.ts";
import { createSshRunner } from "./ssh_runner.ts";
import { createHostLink } from "./host_link.ts";
import type { HostLink } from "./host_link_contract.ts";

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

/** What of the limits is for one host. */
function hostLimits({ hostFolders, ...limits }: DiskLimits, host: string): HostLimits {
  // A host may have a name that each object has something under, as "constructor".
  return { ...limits, folders: Object.hasOwn(hostFolders, host) ? hostFolders[host] ?? [] : [] };
}

/** Makes no link before one is asked for. */
export function createHosts(options: ElsewhereOptions): Elsewhere {
  const links = new Map<string, HostLink>();
  const computers = new Map<string, { readonly host: SshHost; readonly disks: DiskWatch }>();
  let claim: string | undefined;

  /** What is of the host alone: when its disks are an alarm, and where its alarms go. */
  const own = (host: string) => ({
    disk: () => hostLimits(options.disk(), host),
    alarm: (one: Alarm) => options.alarm({ ...one, source: `${one.source} on ${host}` }),
  });

  function ssh(name: string): SshHost {
    const known = computers.get(name);
    if (known !== undefined) return known.host;
    const shell = createSshShell(name);
    const { disk: limits, alarm } = own(name);
    const { programs, now } = options;
    const host = createSshHost(name, shell);
    computers.set(name, {
      host,
      disks: watchSshDisks({ shell, limits, programs, alarm, now }),
    });
    return host;
  }

  function link(host: string): HostLink {
    claim ??= claimOf(options.folder);
    const { disk, alarm } = own(host);
    const link = links.get(host) ?? createHostLink({ ...options, host, claim, alarm, disk });
    links.set(host, link);
    return link;
  }

  return {
    runner(program, context) {
      const { host = "localhost", via } = program;
      return via === "agent"
        ? createRemoteRunner(program, { ...context, link: link(host) })
        : createSshRunner(program, context, ssh(host));
    },
    tick() {
      for (const link of links.values()) link.tick();
      for (const { disks } of computers.values()) disks.tick();
    },
    reloaded() {
      for (const link of links.values()) link.renew();
      for (const { disks } of computers.values()) disks.soon();
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
      for (const { host, disks } of computers.values()) {
        disks[Symbol.dispose]();
        host[Symbol.dispose]();
      }
    },
  };
}
