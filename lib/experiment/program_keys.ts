// The keys of a program in the experiment file: for each what it must be and what holds without it.
//
// A new key is one entry here and one in `Program` (program.ts), which says what it means.

import { getNodeValue } from "jsonc-parser";
import { type JsoncFile, type Member, type Node, openJsonc, suggest } from "../jsonc_file.ts";
import {
  bytes,
  choice,
  type Field,
  fieldOf,
  flag,
  type KeyTable,
  number,
  object,
  readKeys,
  text,
  whole,
  wholes,
} from "../jsonc_keys.ts";
import type { JsonObject } from "../message.ts";
import { readCommand } from "./command_key.ts";
import { probe } from "./probe_keys.ts";
import type { Dependency, Program } from "./program.ts";

/** What the readers know besides their key. */
export interface ProgramContext {
  /** The folder of the experiment file, to which its paths are relative. Of a host: not known here. */
  readonly folder: string | undefined;
  /** The program. */
  readonly name: string;
  /** All programs of the file. */
  readonly names: readonly string[];
}

const LOG = { maxBytes: 10 * 1024 * 1024, backups: 10 };
const SIGNALS: readonly Deno.Signal[] = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGKILL",
];

/** A folder; relative to that of the file, or on another computer to wherever its host is run. */
function readFolder(field: Field, { folder }: ProgramContext): string {
  const path = text(".")(field, undefined);
  if (folder === undefined) return path;
  return path.startsWith("/") ? path : path === "." ? folder : `${folder}/${path}`;
}

/** The defaults' variables, and the program's own in their place. */
function readEnv({ file, node, inherited, of, wrong }: Field): Program["env"] {
  const env: Record<string, string> = {};
  for (const from of inherited === node ? [node] : [inherited, node]) {
    if (from === undefined) continue;
    for (const { name, value } of file.members(from, `"env" of ${of}`)) {
      if (!/^[^=\0]+$/.test(name)) wrong("a name without =", { name, value });
      else if (value.type === "string" && !value.value.includes("\0")) env[name] = value.value;
      else wrong("a text", { name, value });
    }
  }
  return env;
}

function readDependsOn(field: Field, { name: self, names }: ProgramContext) {
  const { file, node, of, wrong } = field;
  const found: Record<string, Dependency> = {};
  if (node === undefined) return found;
  const kinds: readonly Dependency[] = ["started", "ready", "completed"];
  for (const { key, name, value } of file.members(node, `"dependsOn" of ${of}`)) {
    const kind = kinds.find((one) => one === value.value);
    if (kind === undefined) {
      const { value: word }: { value?: unknown } = value;
      wrong(suggest(String(word), kinds, `one of ${kinds.join(", ")}`), { name, value });
    }
    if (!names.includes(name)) {
      const others = names.filter((one) => one !== self);
      const expected = suggest(name, others, "a program of the file");
      file.problem(
        key,
        `${of} depends on "${name}", which is not in the file, expected ${expected}`,
      );
    } else if (kind !== undefined) found[name] = kind;
  }
  return found;
}

/** The computer of a program. The first libABCD wrote `localhost` where it meant its own. */
function readHost({ node, wrong }: Field): string | undefined {
  const value: unknown = node?.value;
  if (node === undefined || value === "localhost") return undefined;
  // Nothing that ssh could take for an option.
  if (typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9_.@-]*$/.test(value)) return value;
  return void wrong("the name of a host agent, or for ssh a host or user@host");
}

function readVia(field: Field): Program["via"] {
  const via = choice(["agent", "ssh"], "agent")(field, undefined);
  if (via === "ssh" && field.sibling("host") === undefined) {
    field.file.problem(field.node, `"via" of ${field.of} is "ssh", expected a "host" too`);
  }
  return via;
}

function readOrder({ node, wrong }: Field): number | undefined {
  if (node === undefined) return undefined;
  const { value }: { value?: unknown } = node;
  if (typeof value === "number") return value;
  wrong("a number; lower ones are told of a run first");
}

/** Anything that JSON can hold, for the program alone. */
function readConfig({ node, wrong }: Field): JsonObject {
  if (node === undefined) return {};
  if (node.type === "object") return getNodeValue(node);
  wrong("an object with the program's own settings");
  return {};
}

/** What the file may say of a program; its name is a key itself, and `cmd` becomes `argv`. */
type ProgramKeys = Omit<Program, "name" | "argv"> & {
  readonly shell: boolean;
  readonly cmd: readonly string[];
};

/** The readers of a program's keys. */
const PROGRAM_KEYS: KeyTable<ProgramKeys, ProgramContext> = {
  cmd: (field) => readCommand(field, field.sibling("shell")?.value === true),
  shell: flag(false),
  host: readHost,
  via: readVia,
  // As the first libABCD did it.
  screen: (field) => flag(field.sibling("via")?.value === "ssh")(field, undefined),
  cwd: readFolder,
  env: readEnv,
  autostart: flag(true),
  dependsOn: readDependsOn,
  withDependency: flag(false),
  restart: choice(["always", "on-failure", "no"], "always"),
  successExitCodes: wholes([0], 0, 255),
  startSec: number(1),
  restartSec: number(1),
  restartMultiplier: number(2, 1),
  restartMaxSec: number(30),
  restartResetSec: number(60),
  startLimit: whole(0),
  ready: probe({ timeoutSec: 90, periodSec: 1 }),
  alive: probe({ timeoutSec: 30, periodSec: 10 }),
  stopSignal: choice(SIGNALS, "SIGTERM"),
  stopSec: number(10),
  memoryMaxBytes: bytes(0),
  log: object({ maxBytes: bytes(LOG.maxBytes, 1), backups: whole(LOG.backups) }, LOG),
  runOrder: readOrder,
  required: flag(false),
  essential: flag(false),
  transitionSec: number(30, 0.1),
  config: readConfig,
};

/** Notes each key of a program, or of the defaults, that cannot be there. */
export function checkProgramKeys(file: JsoncFile, node: Node, what: string): void {
  file.onlyKeys(node, what, Object.keys(PROGRAM_KEYS));
}

/** Reads one program; what it leaves out is taken from the defaults, if the file has some. */
export function readProgram(
  file: JsoncFile,
  { name, value }: Member,
  defaults: Node | undefined,
  context: Omit<ProgramContext, "name">,
): Program {
  const what = `program ${name}`;
  checkProgramKeys(file, value, what);
  const options = { file, object: value, what, defaults };
  const host = fieldOf(options, "host").node?.value ?? "localhost";
  const folder = host === "localhost" ? context.folder : undefined;
  const { cmd, shell: _, ...settings } = readKeys(PROGRAM_KEYS, {
    ...options,
    context: { ...context, folder, name },
  });
  return { name, argv: cmd, ...settings };
}

let plain: Program | undefined;

/** A program of which its file says no more than its command: the default of every key. */
export function plainProgram(): Program {
  if (plain !== undefined) return plain;
  const file = openJsonc(`{"cmd": "true"}`, "plain");
  const context = { folder: "/", names: [] };
  return plain = readProgram(
    file,
    { key: file.root, name: "plain", value: file.root },
    undefined,
    context,
  );
}
