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
import type { Message } from "../lib/message.ts";
import { connect } from "../mod.ts";
import { defineCommand, EXIT, UsageError } from "./command.ts";
import { CLIENT_OPTIONS, LOG_OPTIONS, logFrom } from "./common.ts";

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

With --shell, which needs --allow-all, lines go to "sh -c"; without it a line is split into arguments and no shell sees it.`,
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
    "name": { type: "text", value: "NAME", default: "exec", help: "its name in the hub" },
    ...CLIENT_OPTIONS,
    ...LOG_OPTIONS,
  },
  examples: [
    ["abcd exec --allow df --allow uptime", "df and uptime, with any arguments"],
    ['abcd exec --allow "systemctl restart daq-*"', "restarts of services named daq-…, only"],
  ],
  async run({ options, stop, kill }) {
    const allowAll = options["allow-all"];
    if (options.allow.length === 0 && !allowAll) {
      throw new UsageError(
        "Nothing is allowed: name each program with --allow PROGRAM, or give --allow-all",
      );
    }
    if (options.shell && !allowAll) {
      throw new UsageError("--shell can run anything: it needs --allow-all");
    }
    const policy: Policy = { rules: options.allow.map(ruleFrom), allowAll, shell: options.shell };
    const log = logFrom("exec", options);
    if (allowAll) {
      log.warn("everybody who can join the hub can run every program as this user (--allow-all)");
    }

    const joining = new AbortController();
    const giveUp = () => joining.abort();
    stop.addEventListener("abort", giveUp);
    let client;
    try {
      client = await connect({
        name: options.name,
        server: options.server,
        hub: options.hub,
        beaconPort: options["beacon-port"],
        signal: joining.signal,
        log,
      });
    } catch (error) {
      if (stop.aborted) return EXIT.done;
      throw error;
    }
    stop.removeEventListener("abort", giveUp);

    const send = client.send.bind(client);
    const runner = createRunner({
      send,
      log,
      maxCommands: options["max-commands"],
      maxOutputBytes: options["max-output"],
      maxTimeSec: options["max-time"],
    });
    const refuse = (message: Message, text: string) => {
      const { from, id, re, argv, line } = message;
      log.warn(`refused: ${text}`, { from, id: id ?? re, argv, line });
      if (from !== undefined) send({ cmd: "exec-refused", to: from, re: id ?? re, text });
    };
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
    const stopped = new Promise<boolean>((resolve) => {
      if (stop.aborted) resolve(false);
      stop.addEventListener("abort", () => resolve(false));
    });
    log.info("ready", {
      name: client.name,
      allowed: allowAll ? "everything" : policy.rules.map((rule) => rule.text),
    });
    const failed = await Promise.race([closed, stopped]);
    await runner.close(kill);
    await client.close();
    return failed ? EXIT.failed : EXIT.done;
  },
});
