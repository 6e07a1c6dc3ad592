// Which commands `abcd exec` may run. Pure: programs are looked up by a function passed in, at start.

import { matchesGlob } from "../glob.ts";

/** Finds a program's absolute path, as the shell would; undefined if there is none. */
export type Resolver = (program: string) => string | undefined;

/** A rule or a command line that cannot be understood. */
export class PolicyError extends Error {
  override name = "PolicyError";
}

/** One `--allow`. */
export interface Rule {
  /** As it was written. */
  readonly text: string;
  /** The program, as the rule names it. */
  readonly program: string;
  /** Its absolute path, found once. */
  readonly path: string;
  /** One glob for each argument; undefined: any arguments. */
  readonly patterns?: readonly string[];
}

/** What may run. */
export interface Policy {
  readonly rules: readonly Rule[];
  /** Every program may run. */
  readonly allowAll: boolean;
  /** Lines go to `sh -c`, which can run anything: holds only with `allowAll`. */
  readonly shell: boolean;
}

/** What somebody asks for: one of the two. */
export interface ExecRequest {
  readonly argv?: readonly string[];
  readonly line?: string;
}

/** Whether a request may run, as which command line; or why not. */
export type Decision =
  | { readonly allowed: true; readonly argv: readonly [string, ...string[]]; readonly rule: string }
  | { readonly allowed: false; readonly text: string };

/**
 * Splits a line into arguments: at blanks, with `'…'`, `"…"` and `\` as in the shell, without
 * anything else of it.
 *
 * @throws {PolicyError} If a quote is open, or if only a shell could do what the line says.
 */
export function splitLine(line: string): string[] {
  const args: string[] = [];
  let current: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (quote === "'") {
      if (c === "'") quote = "";
      else current += c;
    } else if (c === "$" || c === "`" || (quote === "" && /[|&;<>()\n\r]/.test(c))) {
      throw new PolicyError(
        `Cannot split the line: ${JSON.stringify(c)} needs a shell, or quotes ('${c.trim()}')`,
      );
    } else if (c === "\\") {
      const next = line.charAt(++i);
      if (next === "") throw new PolicyError("Cannot split the line: it ends with a backslash");
      current = (current ?? "") + (quote === '"' && !/["\\$`]/.test(next) ? "\\" : "") + next;
    } else if (quote === '"') {
      if (c === '"') quote = "";
      else current += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      current ??= "";
    } else if (c === " " || c === "\t") {
      if (current !== undefined) args.push(current);
      current = undefined;
    } else {
      current = (current ?? "") + c;
    }
  }
  if (quote !== "") throw new PolicyError(`Cannot split the line: no closing ${quote}`);
  if (current !== undefined) args.push(current);
  return args;
}

/**
 * Reads one `--allow`: `PROGRAM`, with any arguments, or `PROGRAM PATTERN…`, one for each argument.
 *
 * @throws {PolicyError} If it is empty, or if the program cannot be found.
 */
export function parseRule(text: string, resolve: Resolver): Rule {
  const [program, ...patterns] = splitLine(text);
  if (program === undefined || program === "") {
    throw new PolicyError("Cannot read the rule: it names no program");
  }
  const path = resolve(program);
  if (path === undefined) throw new PolicyError(`Cannot find the program "${program}"`);
  return { text, program, path, ...(patterns.length > 0 ? { patterns } : {}) };
}

function matches(rule: Rule, program: string, args: readonly string[]): boolean {
  if (program !== rule.program && program !== rule.path) return false;
  const { patterns } = rule;
  if (patterns === undefined) return true;
  return patterns.length === args.length &&
    patterns.every((pattern, i) => matchesGlob(pattern, args[i] ?? ""));
}

/** Decides on one request. What may run is given with the absolute path that the rule found. */
export function decide(policy: Policy, request: ExecRequest): Decision {
  const { line } = request;
  if ((line === undefined) === (request.argv === undefined)) {
    return { allowed: false, text: 'Cannot run it: give "argv" or "line", and not both' };
  }
  if ((line ?? request.argv?.join("") ?? "").includes("\0")) {
    return { allowed: false, text: "Cannot run it: it contains a NUL character" };
  }
  let argv = request.argv ?? [];
  if (line !== undefined) {
    if (policy.shell && policy.allowAll) {
      if (line.trim() === "") return { allowed: false, text: "Cannot run it: it is empty" };
      return { allowed: true, argv: ["/bin/sh", "-c", line], rule: "--shell" };
    }
    try {
      argv = splitLine(line);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      return { allowed: false, text: error.message };
    }
  }
  const [program, ...args] = argv;
  if (program === undefined || program === "") {
    return { allowed: false, text: "Cannot run it: it names no program" };
  }
  const rule = policy.rules.find((rule) => matches(rule, program, args));
  if (rule !== undefined) return { allowed: true, argv: [rule.path, ...args], rule: rule.text };
  if (policy.allowAll) return { allowed: true, argv: [program, ...args], rule: "--allow-all" };
  const named = policy.rules.some((rule) => program === rule.program || program === rule.path);
  return {
    allowed: false,
    text: named
      ? `Not allowed: ${program} with these arguments`
      : `Not allowed: ${program}; no --allow names it`,
  };
}
