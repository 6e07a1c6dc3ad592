// abcd run: starts an experiment's programs and keeps them running.

import { type Client, createClient } from "../lib/client.ts";
import { createDataRuns } from "../lib/data_run/data_runs.ts";
import { serveRuns } from "../lib/data_run/serve_runs.ts";
import { createHosts } from "../lib/hosts/hosts.ts";
import { serveLogLevel } from "../lib/log_level.ts";
import { serveControl } from "../lib/run/control.ts";
import { createController } from "../lib/run/controller.ts";
import type { Experiment } from "../lib/experiment/experiment_file.ts";
import { doubtsOf } from "../lib/run/doubts.ts";
import { describeReload } from "../lib/run/reload.ts";
import { watchHubRecords } from "../lib/run/hub_records_watch.ts";
import { watchRefusals } from "../lib/run/refusal_watch.ts";
import { RUN_PROGRAM, watchRivals, whyRunElsewhere } from "../lib/run/rival.ts";
import { writeUnlessStuck } from "../lib/terminal/screen.ts";
import { startServer } from "../server.ts";
import { aborted, CommandError, defineCommand, EXIT } from "./command.ts";
import { hubFrom, journalFrom, logFrom, needProcFs, passKeyOn } from "./common.ts";
import { CLIENT_OPTIONS, HUB_OPTIONS, JOURNAL_OPTIONS, LOG_OPTIONS } from "./shared_options.ts";
import { readExperiment } from "./experiment.ts";
import { makeFolder, stateFolderOf, takeStateFolder } from "./run_folders.ts";
import { fileLog, lastWords, showTable } from "./run_table.ts";

const HUB_WAIT_MS = 3000;
/** How long the programs wait for the hub's word that nobody else runs them, in milliseconds. */
const RIVAL_WAIT_MS = 500;

/** Resolves when the client is in a hub, or the time is over. */
function joinedWithin(client: Client, ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (client.joined) return resolve();
    const timer = setTimeout(resolve, ms);
    client.addEventListener("joined", () => {
      clearTimeout(timer);
      resolve();
    });
  });
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
      info: {
        program: RUN_PROGRAM,
        experiment: experiment.name,
        controller: experiment.controller,
      },
    });
    client.addEventListener("refused", ({ code, text }) => log.warn(`refused: ${text}`, { code }));

    const withServer = options["with-server"];
    const joined = joinedWithin(client, withServer ? HUB_WAIT_MS : RIVAL_WAIT_MS);
    await Promise.race([joined, aborted(stop)]);
    const rival = await whyRunElsewhere(client, experiment, log);
    if (rival !== undefined) throw new CommandError(rival);

    await using cleanup = new AsyncDisposableStack();
    if (withServer && !client.joined && !stop.aborted) {
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
    const runService = cleanup.use(serveRuns({ client, runs, experiment: experiment.name, log }));
    const doubt = (experiment: Experiment) => {
      for (const text of doubtsOf(experiment)) log.warn(text);
      return experiment;
    };
    const readAgain = () => doubt(readExperiment(path));
    serveLogLevel(client, log);
    const service = cleanup.use(serveControl({ client, controller, log, readAgain }));
    const { alarms } = controller;
    cleanup.use(watchRivals({ client, experiment, alarms, log }));
    cleanup.use(watchHubRecords({ client, alarms, log }));
    cleanup.use(watchRefusals({ client, alarms }));
    log.info(`${experiment.name}: ${experiment.programs.length} programs; output in ${logFolder}`);
    doubt(experiment);
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
    // Ctrl-C may have come while the hub was waited for: no high voltage goes on for a moment then.
    controller.start(stop.aborted && !options.leave);
    // It may be in the hub already: joining tells nothing any more.
    runService.tell();
    service.tellAll();
    const live = onTerminal ? cleanup.use(showTable(controller, runs)) : undefined;
    await Promise.race([aborted(stop), ...(live === undefined ? [] : [live.quit])]);
    // Quit by a key: the first Ctrl-C behind it is the second time that somebody asks.
    if (!stop.aborted) stop.addEventListener("abort", killAll, { once: true });
    if (options.leave) {
      controller.leave();
      log.info("the programs are left running");
      await client.close();
      await cleanup.disposeAsync();
      if (onTerminal) {
        await writeUnlessStuck(`${experiment.name}: the programs are left running\n`);
      }
      return EXIT.done;
    }
    log.info("stopping all programs; once more to kill them at once");
    live?.ends("Stopping all programs; Ctrl-C now kills them at once");
    await runs.shutdown();
    const left = await controller.shutdown();
    if (left.length === 0) log.info("all programs are stopped");
    else log.warn(`${left.join(", ")}: may run on; the next abcd run of this file takes them up`);
    // Before the hub that was started here, if there is one.
    await client.close();
    await cleanup.disposeAsync();
    // The table is gone from the screen: what remains is said where it was.
    const { name } = experiment;
    if (onTerminal) {
      await writeUnlessStuck(`${lastWords(name, controller.status(), left, logFolder)}\n`);
    }
    return left.length === 0 ? EXIT.done : EXIT.failed;
  },
});
