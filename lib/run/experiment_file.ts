// The experiment file: JSONC in, checked settings out, or every error it has with its place.

import { parse } from "@std/jsonc";
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";

/** What a program may wait for of another. */
export type Dependency = "started" | "ready" | "completed";
/** When a program that ended is started again. */
export type RestartPolicy = "always" | "on-failure" | "no";

/** What a probe looks at. */
export type Check =
  /** A client of this name is in the hub. */
  | { readonly kind: "client"; readonly client: string }
  /** The program has written a line that the regular expression finds something in. */
  | { readonly kind: "logLine"; readonly pattern: string }
  /** Somebody listens there. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** The file or folder is there; an absolute path. */
  | { readonly kind: "file"; readonly path: string }
  /** The command ends with exit code 0. */
  | { readonly kind: "exec"; readonly argv: readonly string[] };

/** How to see that a program is ready, or alive. */
export interface Probe {
  readonly check: Check;
  /**
   * `ready`: how long it may take (default 90 s). `alive`: how long the client may be missing, or
   * no line may come (default 30 s).
   */
  readonly timeoutSec: number;
  /** Between two looks with `tcp`, `file`, `exec`; one may take as long. Default 1 s, `alive` 10 s. */
  readonly periodSec: number;
  /** `alive` with `tcp`, `file`, `exec`: so many failures in a row are too many. Default 3. */
  readonly failures: number;
}

/** The settings of one program, complete: what the file leaves out has its default. */
export interface Program {
  readonly name: string;
  /** The command and its arguments; never empty. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: { readonly [name: string]: string };
  readonly autostart: boolean;
  readonly dependsOn: { readonly [program: string]: Dependency };
  /** Restarted when one that it depends on is restarted or ends. */
  readonly withDependency: boolean;
  readonly restart: RestartPolicy;
  readonly successExitCodes: readonly number[];
  readonly startSec: number;
  readonly restartSec: number;
  readonly restartMultiplier: number;
  readonly restartMaxSec: number;
  readonly restartResetSec: number;
  readonly startLimit: number;
  readonly ready: Probe | undefined;
  readonly alive: Probe | undefined;
  readonly stopSignal: Deno.Signal;
  readonly stopSec: number;
  /** Restarted when it and all that descends from it use more; 0: no limit. */
  readonly memoryMaxBytes: number;
  readonly log: { readonly maxBytes: number; readonly backups: number };
}

/** An experiment file's content. */
export interface Experiment {
  readonly name: string;
  /** The controller's name in the hub. */
  readonly controller: string;
  /** In the order of the file. */
  readonly programs: readonly Program[];
}

/** All that is wrong with an experiment file: a line each, `FILE:LINE:COLUMN: what, …`. */
export class ExperimentError extends Error {
  override name = "ExperimentError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

const FILE_KEYS = ["experiment", "controller", "defaults", "run"];
const PROBES = ["client", "logLine", "tcp", "file", "exec"];
const PROBE_KEYS = [...PROBES, "timeoutSec", "periodSec", "failures"];
const PROGRAM_KEYS = [
  "cmd",
  "shell",
  "host",
  "via",
  "screen",
  "cwd",
  "env",
  "autostart",
  "dependsOn",
  "withDependency",
  "restart",
  "successExitCodes",
  "startSec",
  "restartSec",
  "restartMultiplier",
  "restartMaxSec",
  "restartResetSec",
  "startLimit",
  "ready",
  "alive",
  "stopSignal",
  "stopSec",
  "memoryMaxBytes",
  "log",
];
const NOT_YET = ["host", "via", "screen"];
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL"];

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      ));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 2)) + 1;
  for (const name of names) {
    const d = distance(word.toLowerCase(), name.toLowerCase());
    if (d < least) [best, least] = [name, d];
  }
  return best;
}

/**
 * Splits a command line like a shell does (quotes, escapes), without expanding anything.
 *
 * @throws {Error} If a quote is not closed.
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (quote === "'") {
      if (c === "'") quote = "";
      else word = (word ?? "") + c;
    } else if (c === "\\") {
      const next = line.charAt(++i);
      if (next === "") throw new Error("a backslash at the end escapes nothing");
      if (next === "\n") continue;
      const kept = quote === '"' && !'"\\$`'.includes(next);
      word = (word ?? "") + (kept ? c : "") + next;
    } else if (quote === '"') {
      if (c === '"') quote = "";
      else word = (word ?? "") + c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}

type Path = readonly (string | number)[];

/** Reads values out of the tree, and collects what is wrong with them. */
class Reader {
  readonly problems: { offset: number; text: string }[] = [];

  constructor(readonly root: Node) {}

  node(path: Path): Node | undefined {
    return findNodeAtLocation(this.root, [...path]);
  }

  problem(at: Node | undefined, text: string): void {
    this.problems.push({ offset: at?.offset ?? this.root.offset, text });
  }

  /** The members of an object, `undefined` (and a problem) if it is something else. */
  members(node: Node, what: string): { key: Node; name: string; value: Node }[] | undefined {
    if (node.type !== "object") {
      this.problem(node, `${what} is ${describe(node)}, expected an object`);
      return undefined;
    }
    const seen = new Set<string>();
    const out = [];
    for (const { children } of node.children ?? []) {
      const [key, value] = children ?? [];
      if (key === undefined || value === undefined) continue;
      const name = String(key.value);
      if (seen.has(name)) this.problem(key, `"${name}" is there twice, expected once`);
      seen.add(name);
      out.push({ key, name, value });
    }
    return out;
  }

  keys(node: Node, what: string, known: readonly string[]): void {
    for (const { key, name } of this.members(node, what) ?? []) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      this.problem(
        key,
        `unknown key "${name}" in ${what}, expected ${
          near === undefined ? `one of ${known.join(", ")}` : `perhaps "${near}"`
        }`,
      );
    }
  }
}

function describe(node: Node): string {
  if (node.type === "object") return "an object";
  if (node.type === "array") return "a list";
  return JSON.stringify(node.value) ?? "nothing";
}

/** Looks a key up in the program, then in the defaults; the first that has it counts. */
class Settings {
  constructor(readonly reader: Reader, readonly places: readonly Path[], readonly what: string) {}

  find(key: string): Node | undefined {
    for (const place of this.places) {
      const node = this.reader.node([...place, key]);
      if (node !== undefined) return node;
    }
    return undefined;
  }

  wrong(node: Node, key: string, expected: string): void {
    this.reader.problem(
      node,
      `"${key}" of ${this.what} is ${describe(node)}, expected ${expected}`,
    );
  }

  number(key: string, fallback: number, least = 0, whole = false): number {
    const node = this.find(key);
    if (node === undefined) return fallback;
    if (
      node.type === "number" && node.value >= least && (!whole || Number.isSafeInteger(node.value))
    ) return node.value;
    this.wrong(node, key, `${whole ? "a whole number" : "a number"}, ${least} or more`);
    return fallback;
  }

  text(key: string, fallback: string): string {
    const node = this.find(key);
    if (node === undefined) return fallback;
    if (node.type === "string" && node.value !== "") return node.value;
    this.wrong(node, key, "a text");
    return fallback;
  }

  flag(key: string, fallback: boolean): boolean {
    const node = this.find(key);
    if (node === undefined) return fallback;
    if (node.type === "boolean") return node.value;
    this.wrong(node, key, "true or false");
    return fallback;
  }

  choice<T extends string>(key: string, fallback: T, choices: readonly T[]): T {
    const node = this.find(key);
    if (node === undefined) return fallback;
    const found = choices.find((choice) => choice === node.value);
    if (found === undefined) this.wrong(node, key, `one of ${choices.join(", ")}`);
    return found ?? fallback;
  }

  argv(): string[] {
    return this.words("cmd", this.flag("shell", false));
  }

  /** A command: a line that is split, a list, or a line for the shell. Empty if it is none. */
  words(key: string, shell: boolean): string[] {
    const node = this.find(key);
    if (node === undefined) {
      const [place = []] = this.places;
      this.reader.problem(this.reader.node(place), `${this.what} has no "${key}", expected one`);
      return [];
    }
    if (node.type === "array" && !shell) {
      const words: unknown = getNodeValue(node);
      if (
        Array.isArray(words) && words.length > 0 && words[0] !== "" &&
        words.every((word): word is string => typeof word === "string")
      ) return words;
    } else if (node.type === "string" && node.value.trim() !== "") {
      if (shell) return ["/bin/sh", "-c", node.value];
      try {
        return splitCommand(node.value);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.reader.problem(
          node,
          `"${key}" of ${this.what} cannot be split: ${why}, expected words as for a shell`,
        );
        return [];
      }
    }
    this.wrong(node, key, shell ? "a shell line" : "a command line or a list of texts");
    return [];
  }

  env(): Record<string, string> {
    const env: Record<string, string> = {};
    for (const place of [...this.places].reverse()) {
      const node = this.reader.node([...place, "env"]);
      if (node === undefined) continue;
      for (const { name, value } of this.reader.members(node, `"env" of ${this.what}`) ?? []) {
        if (value.type === "string") env[name] = value.value;
        else this.wrong(value, `env.${name}`, "a text");
      }
    }
    return env;
  }

  dependsOn(names: readonly string[], self: string): Record<string, Dependency> {
    const out: Record<string, Dependency> = {};
    const node = this.find("dependsOn");
    if (node === undefined) return out;
    const kinds = ["started", "ready", "completed"] as const;
    for (const member of this.reader.members(node, `"dependsOn" of ${this.what}`) ?? []) {
      const { key, name, value } = member;
      const kind = kinds.find((k) => k === value.value);
      if (kind === undefined) this.wrong(value, `dependsOn.${name}`, `one of ${kinds.join(", ")}`);
      if (!names.includes(name)) {
        const near = nearest(name, names.filter((n) => n !== self));
        this.reader.problem(
          key,
          `${this.what} depends on "${name}", which is not in the file, expected ${
            near === undefined ? "a program of the file" : `perhaps "${near}"`
          }`,
        );
      } else if (kind !== undefined) out[name] = kind;
    }
    return out;
  }

  probe(
    key: string,
    defaults: { readonly timeoutSec: number; readonly periodSec: number },
    folder: string,
  ): Probe | undefined {
    const node = this.find(key);
    if (node === undefined) return undefined;
    const what = `"${key}" of ${this.what}`;
    const members = this.reader.members(node, what);
    if (members === undefined) return undefined;
    this.reader.keys(node, what, PROBE_KEYS);
    const kinds = members.filter(({ name }) => PROBES.includes(name));
    if (kinds.length !== 1) {
      this.reader.problem(
        node,
        `${what} has ${kinds.length} probes, expected one of ${PROBES.join(", ")}`,
      );
    }
    const inner = new Settings(this.reader, [pathOf(node)], what);
    const numbers = {
      timeoutSec: inner.number("timeoutSec", defaults.timeoutSec),
      periodSec: inner.number("periodSec", defaults.periodSec, 0.01),
      failures: inner.number("failures", 3, 1, true),
    };
    const [kind] = kinds;
    const check = kind === undefined ? undefined : inner.check(kind.name, kind.value, folder);
    return check === undefined ? undefined : { check, ...numbers };
  }

  check(kind: string, node: Node, folder: string): Check | undefined {
    const { value }: { value?: unknown } = node;
    const text = typeof value === "string" && value !== "" ? value : undefined;
    if (kind === "client") {
      if (text !== undefined) return { kind, client: text };
      this.wrong(node, kind, "the name of a client");
    } else if (kind === "logLine") {
      if (text !== undefined && isPattern(text)) return { kind, pattern: text };
      this.wrong(node, kind, "a regular expression");
    } else if (kind === "file") {
      if (text !== undefined) return { kind, path: isAbsolute(text) ? text : `${folder}/${text}` };
      this.wrong(node, kind, "a path");
    } else if (kind === "tcp") {
      const [, host = "", port] = /^(?:(.*):)?(\d+)$/.exec(String(value ?? "")) ?? [];
      if (Number(port) >= 1 && Number(port) <= 65535) {
        return { kind, host: host.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1", port: Number(port) };
      }
      this.wrong(node, kind, `a port, or "host:port"`);
    } else if (kind === "exec") {
      const argv = this.words("exec", false);
      return argv.length === 0 ? undefined : { kind, argv };
    }
    return undefined;
  }

  codes(): number[] {
    const node = this.find("successExitCodes");
    if (node === undefined) return [0];
    const codes: unknown = getNodeValue(node);
    if (
      Array.isArray(codes) &&
      codes.every((c): c is number => Number.isInteger(c) && c >= 0 && c <= 255)
    ) return codes;
    this.wrong(node, "successExitCodes", "a list of whole numbers from 0 to 255");
    return [0];
  }

  log(): { maxBytes: number; backups: number } {
    const node = this.find("log");
    const fallback = { maxBytes: 10 * 1024 * 1024, backups: 10 };
    if (node === undefined) return fallback;
    const what = `"log" of ${this.what}`;
    this.reader.keys(node, what, ["maxBytes", "backups"]);
    if (node.type !== "object") return fallback;
    const inner = new Settings(this.reader, [pathOf(node)], what);
    return {
      maxBytes: inner.number("maxBytes", fallback.maxBytes, 1, true),
      backups: inner.number("backups", fallback.backups, 0, true),
    };
  }
}

function pathOf(node: Node): Path {
  const path: (string | number)[] = [];
  for (let at: Node = node; at.parent !== undefined; at = at.parent) {
    if (at.parent.type === "property") {
      path.unshift(String(at.parent.children?.[0]?.value));
      at = at.parent;
    } else if (at.parent.type === "array") path.unshift(at.parent.children?.indexOf(at) ?? 0);
    if (at.parent === undefined) break;
  }
  return path;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

function readProgram(
  reader: Reader,
  name: string,
  names: readonly string[],
  folder: string,
): Program {
  const what = `program ${name}`;
  const s = new Settings(reader, [["run", name], ["defaults"]], what);
  const cwd = s.text("cwd", ".");
  return {
    name,
    argv: s.argv(),
    cwd: isAbsolute(cwd) ? cwd : cwd === "." ? folder : `${folder}/${cwd}`,
    env: s.env(),
    autostart: s.flag("autostart", true),
    dependsOn: s.dependsOn(names, name),
    withDependency: s.flag("withDependency", false),
    restart: s.choice("restart", "always", ["always", "on-failure", "no"]),
    successExitCodes: s.codes(),
    startSec: s.number("startSec", 1),
    restartSec: s.number("restartSec", 1),
    restartMultiplier: s.number("restartMultiplier", 2, 1),
    restartMaxSec: s.number("restartMaxSec", 30),
    restartResetSec: s.number("restartResetSec", 60),
    startLimit: s.number("startLimit", 0, 0, true),
    ready: s.probe("ready", { timeoutSec: 90, periodSec: 1 }, folder),
    alive: s.probe("alive", { timeoutSec: 30, periodSec: 10 }, folder),
    stopSignal: s.choice("stopSignal", "SIGTERM", SIGNALS) as Deno.Signal,
    stopSec: s.number("stopSec", 10),
    memoryMaxBytes: s.number("memoryMaxBytes", 0, 0, true),
    log: s.log(),
  };
}

/** The first cycle that can be reached from a program, as names with the first one again at the end. */
function findCycles(programs: readonly Program[]): string[][] {
  const byName = new Map(programs.map((program) => [program.name, program]));
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    const at = trail.indexOf(name);
    if (at >= 0) return void cycles.push([...trail.slice(at), name]);
    if (done.has(name)) return;
    for (const next of Object.keys(byName.get(name)?.dependsOn ?? {})) {
      visit(next, [...trail, name]);
    }
    done.add(name);
  };
  for (const { name } of programs) visit(name, []);
  return cycles;
}

/**
 * Reads an experiment file's text; `path` is its absolute path.
 *
 * @throws {ExperimentError} With every problem of the file.
 */
export function parseExperiment(text: string, path: string): Experiment {
  const place = (offset: number): string => {
    const before = text.slice(0, offset);
    const line = before.split("\n").length;
    return `${path}:${line}:${offset - before.lastIndexOf("\n")}`;
  };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || root === undefined) {
    const problems = errors.map(({ error, offset }) => {
      const words = printParseErrorCode(error).replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
      return `${place(offset)}: ${words}, expected JSON with comments`;
    });
    throw new ExperimentError(
      problems.length > 0 ? problems : [`${place(0)}: nothing, expected JSON with comments`],
    );
  }
  try {
    parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExperimentError([`${place(0)}: ${why}, expected JSON with comments`]);
  }

  const reader = new Reader(root);
  reader.keys(root, "the experiment file", FILE_KEYS);
  const folder = path.slice(0, path.lastIndexOf("/")) || (path.startsWith("/") ? "/" : ".");
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.jsonc?$/, "");
  const top = new Settings(reader, [[]], "the experiment file");
  const programs: Program[] = [];
  const refuse = (node: Node, what: string) => {
    reader.keys(node, what, PROGRAM_KEYS);
    if (node.type !== "object") return;
    for (const { key, name } of reader.members(node, what) ?? []) {
      if (NOT_YET.includes(name)) {
        reader.problem(key, `"${name}" in ${what} is not yet supported, expected no such key`);
      }
    }
  };
  if (root.type === "object") {
    const defaults = reader.node(["defaults"]);
    if (defaults !== undefined) refuse(defaults, "defaults");
    const run = reader.node(["run"]);
    if (run === undefined) {
      reader.problem(root, `there is no "run", expected an object of programs`);
    }
    const members = run === undefined ? [] : reader.members(run, `"run"`) ?? [];
    const names = members.map(({ name }) => name);
    for (const { key, name, value } of members) {
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
        reader.problem(
          key,
          `"${name}" is no name of a program, expected letters, digits, "_", "-", "."`,
        );
      }
      refuse(value, `program ${name}`);
      if (value.type === "object") programs.push(readProgram(reader, name, names, folder));
    }
    for (const cycle of findCycles(programs)) {
      reader.problem(
        reader.node(["run", cycle[0] ?? "", "dependsOn"]),
        `programs wait for each other in a circle: ${cycle.join(" → ")}, expected no circle`,
      );
    }
  }
  const name = top.text("experiment", base);
  const controller = top.text("controller", "run");
  if (reader.problems.length > 0) {
    const sorted = reader.problems.sort((a, b) => a.offset - b.offset);
    throw new ExperimentError([
      ...new Set(sorted.map(({ offset, text }) => `${place(offset)}: ${text}`)),
    ]);
  }
  return { name, controller, programs };
}
