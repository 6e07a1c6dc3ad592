// abcd status: how the programs of an experiment are, from any computer through the hub.

import type { ExperimentStatus } from "../lib/status/program_status.ts";
import { readLogLines, readStatus, readVerdicts } from "../lib/status/read_status.ts";
import { programTopic, runTopic } from "../lib/status/topics.ts";
import { readRunStatus } from "../lib/status/read_run_status.ts";
import { asciiOnly } from "../lib/terminal/ascii.ts";
import { describeRun } from "../lib/terminal/run_text.ts";
import { type LiveSource, showLive } from "../lib/terminal/live.ts";
import { terminalSize } from "../lib/terminal/size.ts";
import { renderTable } from "../lib/terminal/table.ts";
import { useColor, useUnicode } from "./common.ts";
import { whoAsks } from "./data_run.ts";
import { defineCommand, EXIT, UsageError } from "./command.ts";
import {
  CONTROL_OPTIONS,
  describeProgram,
  openController,
  type RemoteController,
  verdictLines,
} from "./control.ts";

/** Columns of the table where there is no terminal that says. */
const COLUMNS = 120;

/** Time between two questions to the controller if its topics say nothing, in milliseconds. */
const ASK_MS = 2000;
/** How long it may take to answer before the table says that it does not, in seconds, */
const ANSWER_SEC = 4;
/** and before it is asked again: what comes late over a slow line is taken. */
const MOST_ANSWER_SEC = 30;
const LOG_LINES = 200;
/** How long all programs together may take to start or to stop a run, in seconds. */
const RUN_SEC = 600;

/** The live table of a controller behind a hub, until somebody quits. */
async function watch(
  controller: RemoteController,
  programs: { readonly programs?: readonly string[] },
  stop: AbortSignal,
): Promise<void> {
  const { client, name } = controller;
  let status: ExperimentStatus = readStatus(await controller.ask("status", programs));
  let isAsking = false;
  let trouble: string | undefined;
  /** How long the last answer took, in seconds: over a slow line the next takes as long. */
  let tookSec = 0;
  /** Cuts a question short that nobody is there for any more. */
  let gone = new AbortController();
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    const began = performance.now();
    const usualSec = Math.min(MOST_ANSWER_SEC, Math.max(ANSWER_SEC, 2 * tookSec));
    const late = setTimeout(() => {
      // Deno 2.4 may call one that was cleared
      if (isAsking) trouble = `"${name}" has not answered for ${Math.round(usualSec)} s`;
    }, usualSec * 1000);
    try {
      const signal = AbortSignal.any([stop, gone.signal]);
      const patience = { timeoutSec: MOST_ANSWER_SEC, signal };
      status = readStatus(await controller.ask("status", programs, patience));
      tookSec = (performance.now() - began) / 1000;
      trouble = undefined;
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    }
    clearTimeout(late);
    isAsking = false;
  };
  /** What is known is old then: that is said, and no program is shown as if it were known to run. */
  const away = (): ExperimentStatus => ({
    ...status,
    hub: client.joined ? client.hub?.name : undefined,
    programs: status.programs.map((one) => ({
      ...one,
      state: "unreachable",
      ready: false,
      reason: client.joined ? trouble : "the hub does not answer",
    })),
  });
  const source: LiveSource = {
    status: () =>
      trouble === undefined && client.joined
        ? { ...status, hub: status.hub ?? client.hub?.name }
        : away(),
    async act(cmd, names) {
      const after = readStatus(await controller.ask(cmd, { programs: names }));
      await ask();
      return after.programs.map((one) => `${one.name}: ${describeProgram(one)}`).join("; ");
    },
    async actOnRun(cmd, number) {
      const fields = { by: whoAsks(), ...(number === undefined ? {} : { run: number }) };
      const answer = await controller.ask(cmd, fields, { timeoutSec: RUN_SEC });
      await ask();
      if (cmd === "make-safe") return "the experiment is safe";
      if (cmd === "leave-safe") return "runs can be started";
      const run = readRunStatus({ ...answer });
      return run === undefined ? "done" : describeRun(run);
    },
    async lastLines(program) {
      const answer = await controller.ask("log", { programs: [program], lines: LOG_LINES });
      const { lines, problems } = readLogLines(answer);
      return [...problems, ...lines.map(({ line }) => line)];
    },
    async why(program) {
      const verdicts = readVerdicts(await controller.ask("why", { programs: [program] }));
      return verdicts.toReversed().flatMap((verdict) => [...verdictLines(verdict), ""]);
    },
  };
  const lose = (why: string) => {
    trouble = why;
    gone.abort(new Error(why));
    gone = new AbortController();
  };
  client.addEventListener("lost", () => lose("the hub does not answer"));
  const offs = [programTopic(name, "+", "state"), runTopic(name)].map((topic) =>
    client.subscribe(topic, ({ from }) => from === name ? ask() : undefined)
  );
  offs.push(client.subscribe("_hub/left", (message) => {
    if (message.name === name) lose(`"${name}" has left the hub`);
  }));
  const timer = setInterval(ask, ASK_MS);
  try {
    await using live = showLive({ source, color: useColor(Deno.stdout), unicode: useUnicode() });
    const stopped = new Promise<void>((resolve) => {
      stop.addEventListener("abort", () => resolve());
      if (stop.aborted) resolve();
    });
    await Promise.race([live.quit, stopped]);
  } finally {
    clearInterval(timer);
    for (const off of offs) off();
  }
}

/** `abcd status`. */
export default defineCommand({
  name: "status",
  summary: "show how the programs of an experiment are",
  usage: "[PROGRAM…]",
  arity: [0, Infinity],
  description:
    "Asks the run controller through the hub, from any computer. The exit code is 0 only if every program shown runs and is ready, or ended as it should, and the experiment is not safe.",
  options: {
    json: { type: "flag", help: "one JSON object" },
    watch: {
      type: "flag",
      short: "w",
      help: "the live table, with keys to start, stop, restart, see logs; q quits",
    },
    ...CONTROL_OPTIONS,
  },
  needs: ["net", "read", "env", "sys", "run"], // run: Ctrl-Z on the live table is a signal to itself,
  examples: [
    ["abcd status", "a table of all programs"],
    ["abcd status --watch", "the table that abcd run shows, from any computer"],
    ["abcd status ccd1 --json", "one of them, for another program to read"],
  ],
  async run({ options, args, stop }) {
    if (options.watch && options.json) throw new UsageError("Cannot show both --watch and --json");
    if (options.watch && !Deno.stdout.isTerminal()) {
      throw new UsageError("Cannot show --watch: standard output is not a terminal");
    }
    if (options.watch && Deno.env.get("TERM") === "dumb") {
      throw new UsageError(
        "Cannot show --watch: this terminal (TERM=dumb) knows lines alone; leave --watch out",
      );
    }
    await using controller = await openController("status", options, stop);
    const programs = args.length === 0 ? {} : { programs: [...args] };
    if (options.watch) {
      await watch(controller, programs, stop);
      return EXIT.done;
    }
    const known = readStatus(await controller.ask("status", programs));
    const status = { ...known, hub: known.hub ?? controller.client.hub?.name };
    if (options.json) {
      console.log(JSON.stringify(status));
    } else {
      const lines = renderTable(status, {
        columns: terminalSize()?.columns ?? COLUMNS,
        rows: Infinity,
        color: useColor(Deno.stdout),
        now: Date.now() / 1000,
      });
      console.log((useUnicode() ? lines : lines.map(asciiOnly)).join("\n"));
    }
    const isWell = status.safe === undefined &&
      status.programs.every(({ state, ready }) =>
        state === "exited" || (state === "running" && ready)
      );
    return isWell ? EXIT.done : EXIT.failed;
  },
});
