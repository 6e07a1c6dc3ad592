// What an experiment file names and is not there: no error of the file, as it may come to be there,
// but worth a word before a program fails for it.

import type { Experiment } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";
import { isClientName } from "../message_form.ts";
import { whyNoCommand } from "../process/command_path.ts";

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** What a shell takes for more than a word, where one is there. */
const FOR_A_SHELL =
  /^(\|\|?|&&?|;|<|\d?>>?|&>|\d?>&\d|\d?>>?[\w.~/-]+|\$\{?[A-Za-z_]\w*\}?(\/.*)?|~\/.*)$/;
const A_SHELL = /^(.*\/)?(ba|da|k|z)?sh$/;
/** Options that often have one of these characters behind them: `cut -d '|'`. */
const TAKES_A_CHARACTER = /^-[dFst]$/;

/** Words that the program gets as they are, and that look as if a shell were to read them. */
function shellDoubts({ name, argv }: Program, place: Experiment["place"]): string[] {
  const at = `${place(name, "cmd")}: `;
  const [first = ""] = argv;
  if (A_SHELL.test(first)) return [];
  const variable = /^([A-Za-z_]\w*)=(.*)$/.exec(first);
  if (variable !== null) {
    const env = JSON.stringify({ [variable[1] ?? ""]: variable[2] });
    return [
      `${at}${first} is no command, as no shell reads it: a variable of program ${name} is "env": ${env}`,
    ];
  }
  const word = argv.find((one, i) =>
    FOR_A_SHELL.test(one) && !TAKES_A_CHARACTER.test(argv[i - 1] ?? "")
  );
  if (word === undefined) return [];
  return [
    `${at}program ${name} gets ${word} as it stands, as no shell reads its command; if one is to: "shell": true`,
  ];
}

/** A name that the hub takes from no client, or that somebody else needs there. */
function nameDoubts({ name }: Program, { controller, place }: Experiment): string[] {
  const why = name === controller
    ? `the controller's name, and the hub takes only one of that name; rename it, or the "controller"`
    : isClientName(name)
    ? undefined
    : "a name that the hub takes from no client: at most 64 characters, no _ at the beginning";
  return why === undefined ? [] : [`${place(name, "cmd")}: program ${name} has ${why}`];
}

function doubtsOfOne(program: Program, place: Experiment["place"]): string[] {
  const { name, host, argv, cwd, env, ready, alive } = program;
  const shell = shellDoubts(program, place);
  if (shell.length > 0) return shell;
  // What is on another computer is not for this one to know.
  if (host !== undefined) return [];
  if (!isFolder(cwd)) {
    return [`${place(name, "cwd")}: the folder of program ${name} is not there: ${cwd}`];
  }
  const path = env.PATH ?? Deno.env.get("PATH") ?? "";
  const doubts: string[] = [];
  function look(key: "cmd" | "ready" | "alive", command: string): void {
    // The controller brings itself along.
    const why = command === "abcd" ? undefined : whyNoCommand(command, cwd, path);
    if (why === undefined) return;
    const what = key === "cmd" ? `program ${name}` : `"${key}" of program ${name}`;
    doubts.push(`${place(name, key)}: ${what} cannot be started: ${why}`);
  }
  look("cmd", argv[0] ?? "");
  for (const [key, probe] of [["ready", ready], ["alive", alive]] as const) {
    if (probe?.check.kind === "exec") look(key, probe.check.argv[0] ?? "");
  }
  return doubts;
}

/** What the programs of this computer need and is not there, a line each with its place in the file. */
export function doubtsOf(experiment: Experiment): string[] {
  const { programs, place } = experiment;
  return programs.flatMap((program) => [
    ...nameDoubts(program, experiment),
    ...doubtsOfOne(program, place),
  ]);
}
