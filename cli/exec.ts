// abcd exec: runs commands that clients ask for, those that were allowed at start.

import {
  decide,
  type ExecRequest,
  parseRule,
  type Policy,
  PolicyError,
  type Rule,
} from "../lib/exec/policy.ts";
import { createRunner } from "../lib/exec/runner.ts";
import { createClient } from "../lib/client.ts";
import { serveLogLevel } from "../lib/log_level.ts";
import type { Message } from "../lib/message.ts";
import { plainText } from "../lib/plain_text.ts";
import { aborted, CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { agentOf, leave, ownName, realFolder } from "./exec_agent.ts";
import { hubFrom, logFrom, needProcFs, passKeyOn } from "./common.ts";
import { CLIENT_OPTIONS, LOG_OPTIONS } from "./shared_options.ts";

/** What is said of a refusal, in characters: the asker's words may be in it. */
const MOST_TEXT = 1000;

/** The absolute path of a program, as the shell finds it. */
function findProgram(program: string): string | undefined {
  const folders = program.includes("/")
    ? [program.startsWith("/") ? "" : `${Deno.cwd()}/`]
    : (Deno.env.get("PATH") ?? "").split(":").filter((p) => p.startsWith("/")).map((p) => `${p}/`);
  for (const folder of folders) {
    const path = folder + program;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0o111) & 0o111) !== 0) return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

function ruleFrom(text: string): Rule {
  try {
    return parseRule(text, findProgram);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new UsageError(`Cannot take --allow "${text}": ${error.message}`);
  }
}

/** What the message asks for; a string: what is wrong with it. */
function readRequest(message: Message): string | {
  readonly what: ExecRequest;
  readonly cwd?: string;
  readonly timeoutSec?: number;
} {
  const { argv, line, cwd, timeoutSec } = message;
  if (message.to === "*" || message.topic !== undefined) {
    return "Cannot run it: it is for everybody; send it to one client";
  }
  if (message.id === undefined) return 'Cannot run it: it has no "id"';
  if (argv !== undefined) {
    if (!Array.isArray(argv) || !argv.every((arg) => typeof arg === "string")) {
      return 'Cannot run it: "argv" is not an array of strings';
    }
  }
  if (line !== undefined && typeof line !== "string") {
    return 'Cannot run it: "line" is not a string';
  }
  if (cwd !== undefined && (typeof cwd !== "string" || !cwd.startsWith("/"))) {
    return 'Cannot run it: "cwd" is not an absolute path';
  }
  if (timeoutSec !== undefined && (typeof timeoutSec !== "number" || !(timeoutSec > 0))) {
    return 'Cannot run it: "timeoutSec" is not a number greater than 0';
  }
  return {
    what: {
      ...(argv === undefined ? {} : { argv: argv as readonly string[] }),
      ...(line === undefined ? {} : { line }),
    },
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutSec === undefined ? {} : { timeoutSec }),
  };
}

/** `abcd exec`. */
export default defineCommand({
  name: "exec",
  summary: "run commands that clients ask for, out of those you allow",
  description:
    `Runs what arrives as {cmd: "exec", id, argv: ["ls", "-l"]} or {cmd: "exec", id, line: "ls -l"}, with "timeoutSec" and "cwd" if wanted. The output goes to the asker as exec-output {re, stream, seq, text}, the end as exec-exit {re, code, signal, seconds}; {cmd: "exec-kill", re} ends it early. What is not allowed is answered with exec-refused {re, text}.

Nothing is allowed but what --allow names: a program with any arguments, or a program with one pattern for each argument, in which * stands for any characters, "/" and ".." too. Programs are looked up once, at the start. Whoever can join the hub can ask, and gets the rights of the user who started this: a program that runs other programs (a shell, env, find) allows all of them.

With --shell, which needs --allow-all, lines go to "sh -c"; without it a line is split into arguments and no shell sees it.

With --agent it is the host agent of this computer too: run controllers elsewhere give it the programs that their experiment files have "host": "NAME" for, and it keeps them running by itself, also while the network, the hub or the controller is away. It takes those of the experiments that --allow-experiment names, and of others the commands that --allow and --allow-folder name. Relative paths of programs are relative to --folder. Its end leaves the programs running, and the next agent of this name takes them up; they are stopped from their controller, with "abcd stop" or by ending it.`,
  options: {
    "allow": {
      type: "list",
      value: '"PROGRAM [PATTERN...]"',
      help: "allow this program; again for each",
    },
    "allow-all": { type: "flag", help: "allow every program: for a closed network alone" },
    "shell": { type: "flag", help: "give lines to sh -c; needs --allow-all" },
    "max-time": {
      type: "seconds",
      value: "SECONDS",
      default: 3600,
      help: "end a command that takes longer",
    },
    "max-commands": {
      type: "number",
      value: "N",
      default: 4,
      help: "commands that may run at a time",
    },
    "max-output": {
      type: "number",
      value: "BYTES",
      default: 1024 * 1024,
      help: "what one command may write; the rest is dropped",
    },
    "agent": { type: "flag", help: "run programs of experiments here, as their host agent" },
    "allow-experiment": {
      type: "list",
      value: "NAME",
      help: "with --agent: everything that this experiment's file says; again for each",
    },
    "allow-folder": {
      type: "list",
      value: "FOLDER",
      help: "with --agent: the programs in this folder, for every experiment; again for each",
    },
    "folder": {
      type: "text",
      value: "FOLDER",
      help: "with --agent: where programs run; without it the current folder",
    },
    "name": {
      type: "text",
      value: "NAME",
      help: 'its name in the hub; without it "exec", or with --agent this computer\'s name',
    },
    ...CLIENT_OPTIONS,
    ...LOG_OPTIONS,
  },
  examples: [
    ["abcd exec --allow df --allow uptime", "df and uptime, with any arguments"],
    ['abcd exec --allow "systemctl restart daq-*"', "restarts of services named daq-…, only"],
    [
      "abcd exec --agent --name daq2 --allow-experiment DAMIC-M",
      'programs of DAMIC-M with "host": "daq2" run here',
    ],
  ],
  async run({ options, stop, kill }) {
    const allowAll = options["allow-all"];
    const experiments = options["allow-experiment"];
    const folders = options["allow-folder"].map(realFolder);
    if (!options.agent && (experiments.length > 0 || folders.length > 0)) {
      throw new UsageError("--allow-experiment and --allow-folder are for a host agent: --agent");
    }
    if (options.allow.length + experiments.length + folders.length === 0 && !allowAll) {
      throw new UsageError(
        options.agent
          ? "Nothing is allowed: name each experiment with --allow-experiment NAME"
          : "Nothing is allowed: name each program with --allow PROGRAM, or give --allow-all",
      );
    }
    if (options.agent) needProcFs("be a host agent");
    if (options.shell && !allowAll) {
      throw new UsageError("--shell can run anything: it needs --allow-all");
    }
    const policy: Policy = { rules: options.allow.map(ruleFrom), allowAll, shell: options.shell };
    const log = logFrom("exec", options);
    if (allowAll) {
      log.warn("everybody who can join the hub can run every program as this user (--allow-all)");
    }

    passKeyOn(options);
    const client = createClient({
      name: options.name ?? (options.agent ? ownName() : "exec"),
      ...hubFrom(options),
      // A hub that has not shown that it has the key gets nothing executed, unless told.
      open: options.open,
      info: { program: options.agent ? "abcd exec --agent" : "abcd exec" },
      log,
    });
    const joined = new Promise<void>((resolve, reject) => {
      client.addEventListener("joined", () => resolve());
      // A host agent has programs to look after, whatever the hub says: it tries on.
      const fail = ({ text }: { text: string }) => reject(new CommandError(text));
      if (!options.agent) client.addEventListener("refused", fail);
    });
    joined.catch(() => {});
    const stopping = aborted(stop);
    // Programs from before are taken up whether there is a hub or not.
    using agent = options.agent
      ? await agentOf(client, { experiments, folders, commands: policy }, options, log)
      : undefined;
    try {
      await Promise.race([joined, stopping]);
    } catch (error) {
      await client.close();
      throw error;
    }
    if (stop.aborted) {
      await client.close();
      return leave(agent, log);
    }
    const send = client.send.bind(client);
    const runner = createRunner({
      send,
      log,
      maxCommands: options["max-commands"],
      maxOutputBytes: options["max-output"],
      maxTimeSec: options["max-time"],
    });
    const refuse = (message: Message, words: string) => {
      const text = plainText(words, MOST_TEXT);
      const { from, id, re, argv, line } = message;
      log.warn(`refused: ${text}`, { from, id: id ?? re, argv, line });
      if (from !== undefined) send({ cmd: "exec-refused", to: from, re: id ?? re, text });
    };
    serveLogLevel(client, log);
    client.on("exec", (message) => {
      const { from, id = "", argv, line } = message;
      if (from === undefined) return;
      const request = readRequest(message);
      if (typeof request === "string") return refuse(message, request);
      const { what, ...limits } = request;
      const decision = decide(policy, what);
      if (!decision.allowed) return refuse(message, decision.text);
      log.info("allowed", { from, id, argv, line, cwd: limits.cwd, rule: decision.rule });
      const problem = runner.start({ from, id, argv: decision.argv, ...limits });
      if (problem !== undefined) refuse(message, problem);
    });
    client.on("exec-kill", (message) => {
      const { from, re } = message;
      if (from === undefined || re === undefined) return;
      if (runner.kill(from, re)) log.info("killed by its asker", { from, id: re });
      else refuse(message, "Cannot kill it: you have no such command running");
    });

    const closed = new Promise<boolean>((resolve) =>
      client.addEventListener("closed", () => resolve(true))
    );
    log.info("ready", {
      name: client.name,
      allowed: allowAll ? "everything" : policy.rules.map((rule) => rule.text),
      ...(options.agent ? { experiments, folders } : {}),
    });
    const failed = await Promise.race([closed, stopping.then(() => false)]);
    await runner.close(kill);
    await client.close();
    const code = leave(agent, log);
    return failed ? EXIT.failed : code;
  },
});
