// What the tests of `abcd run` share: an experiment in a folder of its own, whose controller may be
// killed and started again, and whose processes are counted.

import {
  commandLine,
  listProcesses,
  type ProcessStat,
  startVariable,
} from "../lib/process/proc_fs.ts";
import { RUN_ID } from "../lib/process/start_processes.ts";
import { abcd, freeUdpPort, type Running, temporaryFolder } from "./harness.ts";

/** An experiment named `lab`. Everything of it goes at the end, whatever has become of it. */
export class Lab implements AsyncDisposable {
  readonly #beaconPort = freeUdpPort();
  readonly #running: Running[] = [];

  private constructor(
    readonly path: string,
    readonly folder: AsyncDisposable,
  ) {}

  static async create(run: object, rest: object = {}): Promise<Lab> {
    const folder = await temporaryFolder();
    const lab = new Lab(folder.path, folder);
    lab.write(run, rest);
    return lab;
  }

  /** Writes the experiment file; a running controller knows nothing of it until told. */
  write(run: object, rest: object = {}): void {
    Deno.writeTextFileSync(`${this.path}/lab.jsonc`, JSON.stringify({ ...rest, run }));
  }

  /** Where the controller keeps its state. */
  get state(): string {
    return `${this.path}/state/abcd/lab`;
  }

  /** Starts a controller. */
  run(...args: readonly string[]): Running {
    return this.runWith({}, ...args);
  }

  /** Starts a controller with these variables. */
  runWith(env: { readonly [name: string]: string }, ...args: readonly string[]): Running {
    const running = abcd(
      ["run", `${this.path}/lab.jsonc`, `--beacon-port=${this.#beaconPort}`, ...args],
      { env: { XDG_STATE_HOME: `${this.path}/state`, ...env } },
    );
    this.#running.push(running);
    return running;
  }

  /** Starts a host agent, which runs everything of this lab and works in the folder of its name. */
  agent(name: string, ...args: readonly string[]): Running {
    Deno.mkdirSync(`${this.path}/${name}`, { recursive: true });
    const running = abcd(
      [
        ...["exec", "--agent", `--name=${name}`, `--folder=${this.path}/${name}`],
        ...["--allow-experiment=lab", `--beacon-port=${this.#beaconPort}`, ...args],
      ],
      { env: { XDG_STATE_HOME: `${this.path}/state` } },
    );
    this.#running.push(running);
    return running;
  }

  /** What a program on a host has written; nothing if it has not. */
  hostLog(host: string, program: string): string {
    return this.text(`state/abcd/agents/${host}/experiments/lab/log/${program}.log`);
  }

  /** What a program has written; nothing if it has not. */
  log(program: string): string {
    return this.text(`state/abcd/lab/log/${program}.log`);
  }

  /** A file of the lab's folder; nothing if it is not there. */
  text(name: string): string {
    try {
      return Deno.readTextFileSync(`${this.path}/${name}`);
    } catch {
      return "";
    }
  }

  /** All processes that come of this lab's programs, also of those of its host agents. */
  processes(): ProcessStat[] {
    return listProcesses().filter(({ pid }) =>
      startVariable(pid, RUN_ID)?.startsWith(`${this.path}/state`)
    );
  }

  /** The processes that are a program themselves, not the shell that holds it nor its children. */
  instances(program: string): ProcessStat[] {
    return this.processes().filter(({ pid, group, session }) =>
      pid === group && pid === session && startVariable(pid, "ABCD_NAME") === program &&
      !commandLine(pid).includes(" abcd-shim ")
    );
  }

  /** The pids of all programs' instances, by one look. */
  allInstances(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const { pid, group, session } of this.processes()) {
      if (pid !== group || pid !== session) continue;
      const name = startVariable(pid, "ABCD_NAME") ?? "";
      if (commandLine(pid).includes(" abcd-shim ")) continue;
      found.set(name, [...found.get(name) ?? [], pid]);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) {
      running.signal("SIGKILL");
      await running.status;
    }
    // Again and again: what is just being started is not seen at the first look.
    for (let round = 0; round < 50; round++) {
      const left = this.processes();
      if (left.length === 0) break;
      for (const { pid } of left) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch {
          // it has ended
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const running of this.#running) await running[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Kills a controller as the kernel would, and waits until it is gone. */
export async function killNow(controller: Running): Promise<void> {
  controller.signal("SIGKILL");
  await controller.status;
}
