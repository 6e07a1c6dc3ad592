// What the tests of data-taking runs share: programs that are told of runs, and answer as the test
// says. The process is one that sleeps; its client in the hub is in the test.

import { type Client, connect } from "../lib/client.ts";
import type { Message } from "../lib/message.ts";
import type { RunRecord } from "../lib/data_run/run_record.ts";
import { type Running, TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";

/** How an actor answers: yes, no, or not at all. */
export type Manner = "yes" | "no" | "silent";

/** A program's client. */
export interface Actor {
  readonly client: Client;
  /** What it was told, in short words: `run-start 3`, `run-stop 3 good`, `safe`. */
  readonly told: string[];
  /** The messages themselves. */
  readonly messages: Message[];
  manner: Manner;
}

/** A program that sleeps, and is up at once. */
export const SLEEPS = { cmd: "sleep 10000", startSec: 0.05, restartSec: 0.1 };

/** An experiment with its hub and the clients of its programs. */
export class RunLab implements AsyncDisposable {
  readonly actors = new Map<string, Actor>();
  /** What all of them were told, in order: `logger: run-start 1`. */
  readonly told: string[] = [];

  private constructor(readonly lab: Lab, readonly hub: TestHub, readonly client: Client) {}

  /** `startHub`: starts another hub than one of its own, given the lab's folder. */
  static async create(
    run: object,
    more: object = {},
    startHub: (folder: string) => Promise<TestHub> = () => TestHub.start(),
  ): Promise<RunLab> {
    const lab = await Lab.create(run);
    lab.write(run, more);
    const hub = await startHub(lab.path);
    return new RunLab(lab, hub, await connect({ name: "test", server: hub.address }));
  }

  /** Joins the hub as the client of a program. */
  async actor(name: string, manner: Manner = "yes"): Promise<Actor> {
    const client = await connect({ name, server: this.hub.address, info: { version: "4.2" } });
    const actor: Actor = { client, told: [], messages: [], manner };
    for (const cmd of ["run-start", "run-stop", "safe", "safe-end"]) {
      client.on(cmd, (message: Message) => {
        const { run = "", verdict = "", again } = message;
        const words = [cmd, run, verdict, again === true ? "again" : ""]
          .filter((word) => word !== "").join(" ");
        actor.messages.push(message);
        actor.told.push(words);
        this.told.push(`${name}: ${words}`);
        if (actor.manner === "silent") return;
        const no = actor.manner === "no" && cmd === "run-start";
        client.reply(message, no ? { ok: false, text: "the lid is open" } : { ok: true });
      });
    }
    this.actors.set(name, actor);
    return actor;
  }

  /** Starts a controller, and waits until these programs are ready. */
  async run(...programs: readonly string[]): Promise<Running> {
    const run = this.lab.run(...this.hub.clientArgs);
    await run.saw(/in hub/);
    for (const name of programs) {
      await run.saw(new RegExp(`${name}: (ready|adopted)`));
    }
    await this.ask("status");
    return run;
  }

  ask(cmd: string, fields: object = {}, timeoutSec = 20): Promise<Message> {
    return this.client.request({ cmd, to: "run", ...fields }, { timeoutSec });
  }

  /** The record of a run, as it is on the disk. */
  record(run: number): RunRecord {
    const name = `${String(run).padStart(6, "0")}.json`;
    return JSON.parse(this.lab.text(`state/abcd/lab/runs/${name}`));
  }

  /** The process of a program. */
  async pidOf(name: string): Promise<number> {
    const [one] = await until(() => {
      const all = this.lab.instances(name);
      return all.length > 0 ? all : undefined;
    }, `${name} does not run`);
    if (one === undefined) throw new Error(`${name} does not run`);
    return one.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    for (const { client } of this.actors.values()) await client.close();
    await this.client.close();
    await this.hub[Symbol.asyncDispose]();
  }
}
