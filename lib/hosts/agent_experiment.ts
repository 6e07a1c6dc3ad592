// One experiment on the computer of a host agent: its programs under a controller of their own, the
// same that `abcd run` has, and what was ordered of each. It needs nobody: orders are kept on the
// disk, and an agent that comes later goes on with them.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../message.ts";
import { forgetDone } from "./after_reboot.ts";
import { type AgentPolicy, permit } from "./agent_policy.ts";
import type { Controller } from "../run/contract.ts";
import { createController } from "../run/controller.ts";
import type { Holder } from "./agent_claim.ts";
import { FileError } from "../jsonc_file.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { NotAllowedError } from "../run/local_contract.ts";
import type { HostLimits, HostReport, Order } from "./host_report.ts";
import { keptInRecords, ORDERS_FILE, readKept, writeKept } from "./kept_orders.ts";
import type { Program } from "../experiment/program.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import type { StateFolder } from "../run/state_folder.ts";
import type { Verdict } from "../run/verdict.ts";

/** Options of {@linkcode openAgentExperiment}. */
export interface AgentExperimentOptions {
  readonly experiment: string;
  readonly folder: StateFolder;
  readonly log: Log;
  readonly client: Client;
  readonly policy: AgentPolicy;
  /** To which the paths of programs are relative. */
  readonly workFolder: string;
  readonly server?: string;
  readonly beaconPort?: number;
}

/** What came of orders. */
export interface OrderResult {
  readonly reports: readonly HostReport[];
  /** Programs of which nothing is known here. */
  readonly unknown: readonly string[];
  /** By program: why its order was not carried out. */
  readonly refused: { readonly [program: string]: string };
}

/** An experiment on this computer. */
export interface AgentExperiment extends Disposable {
  readonly name: string;
  readonly controller: Controller;
  /** Who has it; kept on the disk. */
  readonly holder: Holder | undefined;
  /** It has another controller, or the same again; `disk`: when disks are an alarm from now on. */
  claimedBy(holder: Holder, disk: HostLimits | undefined): void;
  /** Nobody has it any more. */
  release(): void;
  reports(): HostReport[];
  /** The report of a program whose state changed. */
  report(status: ProgramStatus): HostReport;
  /** Does what is ordered, and nothing that was ordered before. */
  order(orders: readonly Order[]): OrderResult;
  /** Drops programs that do not run. */
  forget(names: readonly string[]): void;
}

/** Opens an experiment and takes up what runs of it. */
export function openAgentExperiment(options: AgentExperimentOptions): AgentExperiment {
  const { experiment, folder, log, client, policy, workFolder } = options;
  const path = `${folder.path}/${ORDERS_FILE}`;
  // The paths in it are relative to its folder.
  const settingsPath = `${workFolder}/settings`;
  const before = readKept(path, log);
  const kept = new Map(before?.programs ?? keptInRecords(folder));
  let holder = before?.holder;
  let disk = before?.disk;
  let saveFails = false;
  /** When each ended unexpectedly last. */
  const ends = new Map<string, number>();

  function save(): void {
    try {
      writeKept(path, { experiment, holder, disk, programs: kept });
      saveFails = false;
    } catch (error) {
      // What is done is done, also where it cannot be written down.
      if (!saveFails) log.error(error instanceof Error ? error.message : String(error));
      saveFails = true;
    }
  }

  const done = forgetDone(folder);
  if (done.length > 0) {
    for (const name of done) kept.delete(name);
    save();
    log.warn(
      `the computer was restarted: ${done.join(", ")} begins anew when its controller says so`,
    );
  }

  /** What was read of settings: with each order all programs are looked at. */
  const known = new WeakMap<JsonObject, Program>();

  /** @throws {Error} With what is wrong with the settings. */
  function read(name: string, keys: JsonObject): Program {
    const program = known.get(keys) ?? readAnew(name, keys);
    known.set(keys, program);
    return program;
  }

  function readAnew(name: string, keys: JsonObject): Program {
    const text = JSON.stringify({ run: { [name]: keys } });
    try {
      const [program] = parseExperiment(text, settingsPath).programs;
      // Whoever asks this agent could reach others in its operator's name otherwise.
      if (program?.host !== undefined) {
        throw new Error(`Cannot run it on ${program.host} from here`);
      }
      if (program !== undefined) return program;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      const problems = error.problems.map((one) => one.replace(/^.*?:\d+:\d+: /, ""));
      throw new Error(`Cannot read its settings: ${problems.join("; ")}`);
    }
    throw new Error("Cannot read its settings");
  }

  function programs(): Program[] {
    return [...kept].flatMap(([name, { keys }]) => {
      try {
        return [read(name, keys)];
      } catch (error) {
        log.error(`${name}: ${error instanceof Error ? error.message : error}`);
        return [];
      }
    });
  }

  const logFolder = `${folder.path}/log`;
  Deno.mkdirSync(logFolder, { recursive: true });
  const empty = parseExperiment(JSON.stringify({ experiment, run: {} }), settingsPath);
  const asExperiment = () => ({
    ...empty,
    programs: programs(),
    disk: { ...empty.disk, ...disk },
  });
  const controller = createController({
    experiment: asExperiment(),
    log,
    folder,
    logFolder,
    client,
    server: options.server,
    beaconPort: options.beaconPort,
    // What is to run is for its controller to say.
    startsAnew: false,
    // Asked at each start: what runs is looked after, also if it may not be started any more.
    command(program) {
      const permission = permit(policy, experiment, program);
      if (!permission.allowed) throw new NotAllowedError(permission.text);
      return permission.argv;
    },
  });
  controller.onVerdict((program, { time }: Verdict) => void ends.set(program, time));

  function report(status: ProgramStatus): HostReport {
    const { name } = status;
    const ended = controller.verdicts(name).at(-1)?.time ?? ends.get(name);
    return { ...status, order: kept.get(name)?.order ?? 0, ended };
  }

  /** Takes over the settings that a start comes with; returns whether it is an order that was not done. */
  function take({ name, order, what, program: keys }: Order): boolean {
    const before = kept.get(name);
    if (before !== undefined && order <= before.order) return false;
    if (what !== "start") return before !== undefined;
    const wanted = keys ?? before?.keys;
    if (wanted === undefined) throw new Error("Cannot start it: its settings are not known here");
    read(name, wanted);
    kept.set(name, { keys: wanted, order: before?.order ?? 0 });
    return true;
  }

  /** Does them, all of a kind at once: with each all programs are looked at. */
  function carryOut(orders: readonly Order[]): void {
    if (orders.some(({ what }) => what === "start")) controller.reload(asExperiment());
    for (const kind of new Set(orders.map(({ what }) => what))) {
      controller.tell(kind, orders.flatMap(({ name, what }) => what === kind ? [name] : []));
    }
    for (const { name, order } of orders) {
      const now = kept.get(name);
      if (now !== undefined) kept.set(name, { ...now, order });
    }
  }

  controller.start();
  return {
    name: experiment,
    controller,
    get holder() {
      return holder;
    },
    claimedBy(next, limits) {
      holder = next;
      const isOther = JSON.stringify(limits) !== JSON.stringify(disk);
      disk = limits;
      if (isOther) controller.reload(asExperiment());
      save();
    },
    release() {
      holder = undefined;
      save();
    },
    report,
    reports: () => controller.status().programs.map(report),
    order(orders) {
      const refused: Record<string, string> = {};
      carryOut(orders.filter((one) => {
        try {
          return take(one);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          log.warn(`${one.name}: refused to ${one.what} it: ${why}`);
          refused[one.name] = why;
          return false;
        }
      }));
      // Done first and kept then: an agent killed in between is told again, and does it again.
      save();
      const names = new Set(orders.map(({ name }) => name));
      const all = controller.status().programs.filter(({ name }) => names.has(name));
      const unknown = [...names].filter((name) => !all.some((one) => one.name === name));
      return { reports: all.map(report), unknown, refused };
    },
    forget(names) {
      for (const name of names) kept.delete(name);
      controller.reload(asExperiment());
      save();
    },
    [Symbol.dispose]() {
      controller.leave();
      folder[Symbol.dispose]();
    },
  };
}
