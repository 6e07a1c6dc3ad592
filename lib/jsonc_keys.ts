// Tables of keys: what an object of a file may hold, what each key's value must be, and what holds
// where the file says nothing.
//
// A table is an object of readers, one a key. A reader takes the key's value, if the file has one,
// and gives what to use; a wrong value is noted in the file, and the default goes on in its place,
// so that all errors are told at once.

import { getNodeValue } from "jsonc-parser";
import { parseBytes, parseDuration } from "./units.ts";
import { describeValue, type JsoncFile, type Node, suggest } from "./jsonc_file.ts";

/** A key of an object in the file, or its absence. */
export interface Field {
  readonly file: JsoncFile;
  readonly key: string;
  /** Its value, of the object itself or else of the defaults; `undefined`: the file says nothing. */
  readonly node: Node | undefined;
  /** What the defaults say, also where the object says something else. */
  readonly inherited: Node | undefined;
  /** What has the key, in words: "program cryo", or "defaults" if its value comes from there. */
  readonly of: string;
  /** The object that has it, for what is wrong with its absence. */
  readonly owner: Node;
  /** Another key of the same object. */
  sibling(key: string): Node | undefined;
  /** Notes that the value, or a part of it of this name, is not what it must be. */
  wrong(expected: string, part?: { readonly name: string; readonly value: Node }): void;
}

/** Reads one key. `C`: what else the table's readers must know. */
export type ReadKey<T, C = unknown> = (field: Field, context: C) => T;

/** The readers of an object's keys. */
export type KeyTable<T, C = unknown> = { readonly [K in keyof T]: ReadKey<T[K], C> };

/** Options of {@linkcode readKeys}. */
export interface ReadKeysOptions<C> {
  readonly file: JsoncFile;
  readonly object: Node;
  /** What it is, in words: "program cryo". */
  readonly what: string;
  readonly context: C;
  /** An object whose keys hold where this one says nothing. */
  readonly defaults?: Node;
  /** Keys that are known too, and read elsewhere. */
  readonly also?: readonly string[];
}

function valueOf(file: JsoncFile, object: Node, what: string, key: string): Node | undefined {
  return file.members(object, what).findLast(({ name }) => name === key)?.value;
}

/** The field of a key. */
export function fieldOf<C>(options: Omit<ReadKeysOptions<C>, "context">, key: string): Field {
  const { file, object, what, defaults } = options;
  const fallback = (key: string) =>
    defaults === undefined ? undefined : valueOf(file, defaults, `"defaults"`, key);
  const find = (key: string) => valueOf(file, object, what, key) ?? fallback(key);
  const inherited = fallback(key);
  const node = find(key);
  const of = node !== undefined && node === inherited ? "defaults" : what;
  return {
    file,
    key,
    node,
    inherited,
    of,
    owner: object,
    sibling: find,
    wrong(expected, part) {
      const at = part?.value ?? node;
      if (at === undefined) {
        file.problem(object, `${of} has no "${key}", expected ${expected}`);
        return;
      }
      const name = part === undefined ? key : `${key}.${part.name}`;
      file.problem(at, `"${name}" of ${of} is ${describeValue(at)}, expected ${expected}`);
    },
  };
}

/** Reads an object by its table; each key that is in neither is a problem. */
export function readKeys<T extends object, C>(
  table: KeyTable<T, C>,
  options: ReadKeysOptions<C>,
): T {
  const { file, object, what, also = [] } = options;
  const known = Object.keys(table);
  file.onlyKeys(object, what, [...known, ...also]);
  const values: Record<string, unknown> = {};
  for (const [key, read] of Object.entries<ReadKey<unknown, C>>(table)) {
    values[key] = read(fieldOf(options, key), options.context);
  }
  // One value for each key of the table, each by its own reader: the compiler cannot see it.
  return values as T;
}

/** A number. */
export function number(fallback: number, least = 0): ReadKey<number> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const { value }: { value?: unknown } = node;
    if (typeof value === "number" && value >= least) return value;
    wrong(`a number, ${least} or more${unquoted(value, least)}`);
    return fallback;
  };
}

/** What somebody meant who wrote a number, or a length of time as on the command line, as a text. */
function unquoted(value: unknown, least: number): string {
  const meant = typeof value === "string" ? parseDuration(value.replaceAll(" ", "")) : undefined;
  return meant === undefined || meant < least ? "" : `: ${meant}`;
}

/** A whole number. */
export function whole(fallback: number, least = 0): ReadKey<number> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const { value }: { value?: unknown } = node;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    wrong(`a whole number, ${least} or more${unquoted(value, least)}`);
    return fallback;
  };
}

/** A number of bytes: `10000000000`, or a text like `"10G"`, whose units are powers of 1024. */
export function bytes(fallback: number, least = 0): ReadKey<number> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const { value }: { value?: unknown } = node;
    const count = typeof value === "string" ? parseBytes(value) : value;
    if (typeof count === "number" && Number.isSafeInteger(count) && count >= least) return count;
    wrong(`a whole number of bytes, ${least} or more, or a text like "64k", "10M", "2G"`);
    return fallback;
  };
}

/** A list of texts. */
export function texts(fallback: readonly string[]): ReadKey<readonly string[]> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const values: unknown = getNodeValue(node);
    const fits = (one: unknown): one is string => typeof one === "string" && one !== "";
    if (Array.isArray(values) && values.every(fits)) return values;
    wrong("a list of texts");
    return fallback;
  };
}

/** A text that is not empty. */
export function text(fallback: string): ReadKey<string> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const { value }: { value?: unknown } = node;
    if (typeof value === "string" && value !== "") return value;
    wrong("a text");
    return fallback;
  };
}

/** `true` or `false`. */
export function flag(fallback: boolean): ReadKey<boolean> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const { value }: { value?: unknown } = node;
    if (typeof value === "boolean") return value;
    wrong("true or false");
    return fallback;
  };
}

/** One of some words. */
export function choice<const T extends string>(choices: readonly T[], fallback: T): ReadKey<T> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const found = choices.find((one) => one === node.value);
    if (found === undefined) {
      const { value }: { value?: unknown } = node;
      const word = String(value);
      // The signal TERM is SIGTERM.
      const end = word.length < 3
        ? undefined
        : choices.find((one) => one.endsWith(word.toUpperCase()));
      const all = `one of ${choices.join(", ")}`;
      wrong(end === undefined ? suggest(word, choices, all) : `perhaps "${end}"`);
    }
    return found ?? fallback;
  };
}

/** A list of whole numbers. */
export function wholes(
  fallback: readonly number[],
  least: number,
  most: number,
): ReadKey<readonly number[]> {
  return ({ node, wrong }) => {
    if (node === undefined) return fallback;
    const values: unknown = getNodeValue(node);
    const fits = (one: unknown): one is number =>
      typeof one === "number" && Number.isInteger(one) && one >= least && one <= most;
    if (Array.isArray(values) && values.every(fits)) return values;
    wrong(`a list of whole numbers from ${least} to ${most}`);
    return fallback;
  };
}

/** An object with keys of its own; absent: their defaults. */
export function object<T extends object, C>(
  table: KeyTable<T, C>,
  fallback: T,
): ReadKey<T, C> {
  return ({ file, key, node, of }, context) => {
    if (node === undefined) return fallback;
    const what = `"${key}" of ${of}`;
    return readKeys(table, { file, object: node, what, context });
  };
}
