// abcd run: starts an experiment's programs and keeps them running.

import { createClient } from "../lib/client.ts";
import { stateHome } from "../lib/environment.ts";
import { createHosts } from "../lib/hosts/hosts.ts";
import { createLog, type Log } from "../lib/log.ts";
import { createRotatingFile } from "../lib/process/log_file.ts";
import type { Controller } from "../lib/run/contract.ts";
import { createController } from "../lib/run/controller.ts";
import { serveControl } from "../lib/run/control.ts";
import type { ExperimentStatus } from "../lib/status/program_status.ts";
import { describeReload } from "../lib/run/reload.ts";
import { LockedError, openStateFolder, type StateFolder } from "../lib/run/state_folder.ts";
import { describeRun, safeTitle } from "../lib/terminal/run_text.ts";
import { escapeControls } from "../lib/terminal/table.ts";
import { createDataRuns, type DataRuns } from "../lib/data_run/data_runs.ts";
import { serveRuns } from "../lib/data_run/serve_runs.ts";
import { type Live, showLive } from "../lib/terminal/live.ts";
import { startServer } from "../server.ts";
import { CommandError, defineCommand, EXIT } from "./command.ts";
import {
  CLIENT_OPTIONS,
  HUB_OPTIONS,
  hubFrom,
  JOURNAL_OPTIONS,
  journalFrom,
  LOG_OPTIONS,
  logFrom,
  type LogValues,
  needProcFs,
  passKeyOn,
  useColor,
} from "./common.ts";
import { describeProgram, verdictLines } from "./control.ts";
import { whoAsks } from "./data_run.ts";
import { readExperiment } from "./experiment.ts";

const HUB_WAIT_MS = 3000;
/** Lines of a program's output that the table shows on its page of logs. */
const TABLE_LOG_LINES = 200;

function stateFolderOf(experiment: string): string {
  return `${stateHome()}/abcd/${experiment.replaceAll("/", "_").replace(/^\./, "_")}`;
}

/** The folder, made if need be, as a path that means the same in every working folder. */
function makeFolder(path: string, hint = ""): string {
  try {
    Deno.mkdirSync(path, { recursive: true });
    return Deno.realPathSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot make the folder ${path}: ${why}${hint}`);
  }
}

async function takeStateFolder(path: string, file: string): Promise<StateFolder> {
  try {
    return await openStateFolder(path, `pid ${Deno.pid} (${file})`);
  } catch (error) {
    if (error instanceof LockedError) throw new CommandError(error.message);
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/** The live table on the terminal, with keys, until it is disposed of. */
function showTable(controller: Controller, runs: DataRuns): Live {
  return showLive({
    source: {
      status: controller.status,
      act(cmd, names) {
        if (controller.ending) return "the experiment is being stopped";
        controller.tell(cmd, names);
        return controller.status().programs.filter(({ name }) => names.includes(name))
          .map((one) => `${one.name}: ${describeProgram(one)}`).join("; ");
      },
      async actOnRun(cmd) {
        const by = whoAsks();
        if (cmd === "start-run") return describeRun(await runs.start(by, ""));
        if (cmd === "stop-run") return describeRun(await runs.stop(by));
        if (cmd === "make-safe") runs.makeSafe(by, `${by} says so`);
        else runs.leaveSafe(by);
        return runs.status().safe === undefined ? "runs can be started" : "the experiment is safe";
      },
      async lastLines(name) {
        const near = controller.output(name);
        if (near !== undefined) return near.tail(TABLE_LOG_LINES);
        const { lines, problems } = await controller.remoteLines([name], TABLE_LOG_LINES);
        return [...problems, ...lines.map(({ line }) => line)];
      },
      why: (program) =>
        controller.verdicts(program).toReversed().flatMap((
          one,
        ) => [...verdictLines({ program, ...one }), ""]),
    },
    color: useColor(Deno.stdout),
    quitQuestion: "Stop all programs and quit?",
  });
}

/** The log in a file alone. */
function fileLog(options: LogValues, path: string): Log {
  const { level } = logFrom("run", { ...options, "log-file": undefined });
  const file = createRotatingFile({ path });
  const encoder = new TextEncoder();
  return createLog({
    name: "run",
    level,
    write: (line) => file.write(encoder.encode(`${line}\n`)),
  });
}

/** What stays on the terminal when the table has gone. */
function lastWords(
  name: string,
  status: ExperimentStatus,
  left: readonly string[],
  logFolder: string,
): string {
  const { programs, run, safe } = status;
  const failed = programs.filter(({ state }) => state === "fatal").map((program) => program.name);
  const end = left.length > 0
    ? `${left.join(", ")} could not be reached and may run on; the next abcd run takes them up`
    : failed.length === 0
    ? `all ${programs.length} programs are stopped`
    : `stopped; ${failed.join(", ")} had failed for good`;
  return [
    `${name}: ${end}`,
    ...(run?.number === undefined ? [] : [escapeControls(describeRun(run))]),
    ...(safe === undefined ? [] : [escapeControls(safeTitle(safe))]),
    `Their output is in ${logFolder}`,
  ].join("\n");
}

export default defineCommand({
  name: "run",
  summary: "start an experiment's programs and keep them running",
  usage: "FILE",
  arity: [1, 1],
  description:
    "Reads the experiment file, starts its programs in the order of dependsOn, and starts again what ends. Works with and without a hub. Ctrl-C stops the programs in reverse order; a second Ctrl-C kills them at once. If this controller is killed, the programs run on, and the next one takes them up. SIGHUP reads the file again.",
  options: {
    ...LOG_OPTIONS,
    ...CLIENT_OPTIONS,
    "with-server": { type: "flag", help: "start a hub too if none is heard within 3 s" },
    "http-port": HUB_OPTIONS["http-port"],
    "tcp-port": HUB_OPTIONS["tcp-port"],
    "bind": HUB_OPTIONS["bind"],
    ...JOURNAL_OPTIONS,
    "rights": HUB_OPTIONS["rights"],
    "open-tcp": HUB_OPTIONS["open-tcp"],
    "log-folder": {
      type: "text",
      value: "FOLDER",
      help: "where the programs' output goes; without it ~/.local/state/abcd/EXPERIMENT/log",
    },
    "leave": {
      type: "flag",
      help: "at Ctrl-C leave the programs running; the next abcd run takes them up",
    },
  },
  examples: [
    ["abcd run lab.jsonc", "start and keep running what lab.jsonc describes"],
    ["abcd run lab.jsonc --with-server", "the same, with a hub if there is none yet"],
  ],
  async run({ options, args, stop, kill, onHangup }) {
    const path = args[0] ?? "";
    passKeyOn(options);
    const experiment = readExperiment(path);
    needProcFs("run an experiment");
    const statePath = makeFolder(
      stateFolderOf(experiment.name),
      "; XDG_STATE_HOME chooses another place for what abcd keeps",
    );
    using folder = await takeStateFolder(statePath, path);
    const logFolder = makeFolder(options["log-folder"] ?? `${statePath}/log`);
    // A terminal that can do nothing but lines, as that of an editor, gets lines.
    const onTerminal = Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb";
    // The table has the terminal for itself; the lines go to a file then.
    const log = onTerminal
      ? fileLog(options, options["log-file"] ?? `${logFolder}/_run.log`)
      : logFrom("run", options);
    await using client = createClient({
      name: experiment.controller,
      unique: true,
      ...hubFrom(options),
      info: { program: "abcd run", experiment: experiment.name },
    });
    client.addEventListener("refused", ({ code, text }) => log.warn(`refused: ${text}`, { code }));

    await using cleanup = new AsyncDisposableStack();
    if (options["with-server"]) {
      const joined = new Promise<void>((resolve) => {
        client.addEventListener("joined", () => resolve());
        setTimeout(resolve, HUB_WAIT_MS);
      });
      await Promise.race([joined, aborted(stop)]);
      if (!client.joined && !stop.aborted) {
        log.info("no hub is heard; starting one");
        cleanup.use(
          await startServer({
            name: experiment.name,
            httpPort: options["http-port"],
            tcpPort: options["tcp-port"],
            bind: options.bind,
            keyFile: options["key-file"],
            rightsFile: options.rights,
            open: options.open,
            openTcp: options["open-tcp"],
            beaconPort: options["beacon-port"],
            journal: journalFrom(
              { ...options, journal: options.journal ?? `${statePath}/journal` },
              experiment.name,
            ),
            log,
          }),
        );
      }
    }

    const controller = createController({
      experiment,
      log,
      folder,
      logFolder,
      client,
      server: options.server,
      beaconPort: options["beacon-port"],
      openElsewhere: createHosts,
    });
    const runs = cleanup.use(
      createDataRuns({ controller, client, log, stateFolder: statePath }),
    );
    controller.alsoTell(runs.status);
    cleanup.use(serveRuns({ client, runs, experiment: experiment.name, log }));
    const readAgain = () => readExperiment(path);
    cleanup.use(serveControl({ client, controller, log, readAgain }));
    log.info(`${experiment.name}: ${experiment.programs.length} programs; output in ${logFolder}`);
    if (runs.status().run !== undefined) log.info(`records of runs in ${runs.folder}`);
    const killAll = () => {
      runs.cut();
      controller.kill();
    };
    kill.addEventListener("abort", killAll, { once: true });
    onHangup(() => {
      try {
        log.info(`reload: ${describeReload(controller.reload(readAgain()))}`);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        for (const line of why.split("\n")) log.error(line);
        log.error("the file has errors; nothing is changed");
      }
    });
    runs.takeUp();
    controller.start();
    const live = onTerminal ? cleanup.use(showTable(controller, runs)) : undefined;
    await Promise.race([aborted(stop), ...(live === undefined ? [] : [live.quit])]);
    // Quit by a key: the first Ctrl-C behind it is the second time that somebody asks.
    if (!stop.aborted) stop.addEventListener("abort", killAll, { once: true });
    if (options.leave) {
      controller.leave();
      log.info("the programs are left running");
      await client.close();
      await cleanup.disposeAsync();
      if (onTerminal) console.log(`${experiment.name}: the programs are left running`);
      return EXIT.done;
    }
    log.info("stopping all programs; once more to kill them at once");
    await runs.shutdown();
    const left = await controller.shutdown();
    if (left.length === 0) log.info("all programs are stopped");
    else log.warn(`${left.join(", ")}: may run on; the next abcd run of this file takes them up`);
    // Before the hub that was started here, if there is one.
    await client.close();
    await cleanup.disposeAsync();
    // The table is gone from the screen: what remains is said where it was.
    const { name } = experiment;
    if (onTerminal) console.log(lastWords(name, controller.status(), left, logFolder));
    return left.length === 0 ? EXIT.done : EXIT.failed;
  },
});
