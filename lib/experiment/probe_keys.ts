// Probes in the experiment file: `"ready": {"client": "ccd1", "timeoutSec": 90}`.
//
// A new kind of probe is one entry here, one in `Check` of program.ts, and its look in probes.ts.

import { getNodeValue, type Node } from "jsonc-parser";
import { type Field, fieldOf, number, type ReadKey, readKeys, text, whole } from "../jsonc_keys.ts";
import { readCommand } from "./command_key.ts";
import type { Check, Probe } from "./program.ts";

/** What the readers know besides their key. */
export interface ProbeContext {
  /** The folder to which paths are relative. Of a host: not known here. */
  readonly folder: string | undefined;
  /** The program. */
  readonly name: string;
}

type ReadCheck = (field: Field, context: ProbeContext) => Check | undefined;

/** The kinds of probes by their key; each reads its key's value, `undefined` if it is wrong. */
const CHECKS: { readonly [kind: string]: ReadCheck } = {
  client(field) {
    const client = textOf(field);
    if (client === undefined) return void field.wrong("the name of a client");
    return { kind: "client", client };
  },
  status(field, { name }) {
    const { file, node, of, wrong } = field;
    const states = statesOf(node);
    if (states !== undefined) return { kind: "status", client: name, states, maxAgeSec: 0 };
    if (node?.type !== "object") {
      return void wrong(`a state, a list of states, or {"state": …, "maxAgeSec": …}`);
    }
    const { state, ...rest } = readKeys(
      { state: readStates, client: text(name), maxAgeSec: number(0) },
      { file, object: node, what: `"status" of ${of}`, context: undefined },
    );
    return state.length === 0 ? undefined : { kind: "status", states: state, ...rest };
  },
  logLine(field) {
    const pattern = textOf(field);
    if (pattern === undefined || !isPattern(pattern)) {
      return void field.wrong("a regular expression");
    }
    return { kind: "logLine", pattern };
  },
  tcp(field) {
    const value: unknown = field.node?.value;
    const [, host = "", port] = /^(?:(.*):)?(\d+)$/.exec(String(value ?? "")) ?? [];
    if (!(Number(port) >= 1 && Number(port) <= 65535)) {
      return void field.wrong(`a port, or "host:port"`);
    }
    const name = host.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1";
    return { kind: "tcp", host: name, port: Number(port) };
  },
  file(field, { folder }) {
    const path = textOf(field);
    if (path === undefined) return void field.wrong("a path");
    const isWhole = path.startsWith("/") || folder === undefined;
    return { kind: "file", path: isWhole ? path : `${folder}/${path}` };
  },
  exec(field) {
    const argv = readCommand(field);
    return argv.length === 0 ? undefined : { kind: "exec", argv };
  },
};
const KINDS = Object.keys(CHECKS);

function textOf({ node }: Field): string | undefined {
  const value: unknown = node?.value;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function statesOf(node: Node | undefined): readonly string[] | undefined {
  const value: unknown = node === undefined ? undefined : getNodeValue(node);
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isText = (one: unknown): one is string => typeof one === "string" && one !== "";
  return list.length > 0 && list.every(isText) ? list : undefined;
}

function readStates({ node, wrong }: Field): readonly string[] {
  const states = statesOf(node);
  if (states === undefined) wrong("a state, or a list of states");
  return states ?? [];
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** A key that holds a probe, or is not there. */
export function probe(
  defaults: { readonly timeoutSec: number; readonly periodSec: number },
): ReadKey<Probe | undefined, ProbeContext> {
  return ({ file, key, node, of }, context) => {
    if (node === undefined) return undefined;
    const what = `"${key}" of ${of}`;
    const kinds = file.members(node, what).map(({ name }) => name)
      .filter((name) => KINDS.includes(name));
    if (node.type === "object" && kinds.length !== 1) {
      file.problem(node, `${what} has ${kinds.length} probes, expected one of ${KINDS.join(", ")}`);
    }
    const options = { file, object: node, what, also: KINDS, context: undefined };
    const numbers = readKeys({
      timeoutSec: number(defaults.timeoutSec),
      periodSec: number(defaults.periodSec, 0.01),
      failures: whole(3, 1),
    }, options);
    const [kind = ""] = kinds;
    const check = CHECKS[kind]?.(fieldOf(options, kind), context);
    return check === undefined ? undefined : { check, ...numbers };
  };
}
