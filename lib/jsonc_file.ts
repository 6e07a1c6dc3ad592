// A file of JSON with comments, read with places: every error it has is told at once, each as
// `FILE:LINE:COLUMN: what is the case, expected what`.

import { parse } from "@std/jsonc";
import { findNodeAtLocation, type Node, type ParseError, parseTree } from "jsonc-parser";
import { firstMistake, nestedTooDeep } from "./jsonc_mistake.ts";
import { nearest } from "./nearest.ts";

/** A value in the file, with its place. */
export type { Node } from "jsonc-parser";

/** From the whole file to a value in it: names of keys, and numbers in lists. */
export type Path = readonly (string | number)[];

/** All that is wrong with a file: a line each, in the order of the file. */
export class FileError extends Error {
  override name = "FileError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** One key of an object, with the places of both. */
export interface Member {
  readonly key: Node;
  readonly name: string;
  readonly value: Node;
}

/** An open file. What is wrong with it is collected, until {@linkcode JsoncFile.finish}. */
export interface JsoncFile {
  readonly root: Node;
  /** The value at a path; `undefined` if there is none. */
  find(path: Path): Node | undefined;
  /** Where a value is: `FILE:LINE:COLUMN`. */
  place(node: Node): string;
  /** Notes what is wrong at a place; without one: with the file as a whole. */
  problem(at: Node | undefined, text: string): void;
  /** The keys of an object; none, and a problem, if it is something else or has a key twice. */
  members(node: Node, what: string): readonly Member[];
  /** A problem for each key of an object that is none of the known ones; names the nearest. */
  onlyKeys(node: Node, what: string, known: readonly string[]): void;
  /** @throws {FileError} With all problems, if there are any. */
  finish(): void;
}

/** A value in words, for an error: `an object`, `a list`, or itself. */
export function describeValue(node: Node): string {
  if (node.type === "object") return "an object";
  if (node.type === "array") return "a list";
  return JSON.stringify(node.value) ?? "nothing";
}

/** What was probably meant: `perhaps "restart"`, or all there is. */
export function suggest(word: string, known: readonly string[], otherwise: string): string {
  const near = nearest(word, known);
  return near === undefined ? otherwise : `perhaps "${near}"`;
}

/**
 * Reads a file's text; `path` stands in front of its errors.
 *
 * @throws {FileError} If it is no JSON with comments.
 */
export function openJsonc(source: string, path: string): JsoncFile {
  // Editors of Windows begin a file with a byte order mark.
  const text = source.replace(/^\uFEFF/, "");
  if (text.trim() === "") {
    throw new FileError([`${path}:1:1: the file is empty, expected JSON with comments`]);
  }
  const place = (offset: number): string => {
    const before = text.slice(0, offset);
    const line = before.split("\n").length;
    return `${path}:${line}:${offset - before.lastIndexOf("\n")}`;
  };
  const deep = nestedTooDeep(text);
  if (deep !== undefined) throw new FileError([`${place(deep.offset)}: ${deep.text}`]);
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || root === undefined) {
    // Only a file that goes on behind its value has its end there.
    const end = root?.type === "object" && text.charAt(root.offset + root.length - 1) === "}"
      ? root.offset + root.length
      : undefined;
    const mistake = firstMistake(text, errors, end);
    throw new FileError([`${place(mistake.offset)}: ${mistake.text}`]);
  }
  try {
    // What @std takes is the rule; the tree of the other parser only tells where things are.
    parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FileError([`${place(0)}: ${why}, expected JSON with comments`]);
  }

  const problems: { offset: number; text: string }[] = [];
  const problem = (at: Node | undefined, text: string) =>
    void problems.push({ offset: at?.offset ?? root.offset, text });
  const told = new Set<Node>();

  function members(node: Node, what: string): Member[] {
    const first = !told.has(node);
    told.add(node);
    if (node.type !== "object") {
      if (first) problem(node, `${what} is ${describeValue(node)}, expected an object`);
      return [];
    }
    const seen = new Set<string>();
    const found: Member[] = [];
    for (const { children } of node.children ?? []) {
      const [key, value] = children ?? [];
      if (key === undefined || value === undefined) continue;
      const name = String(key.value);
      if (seen.has(name) && first) problem(key, `"${name}" is there twice, expected once`);
      seen.add(name);
      found.push({ key, name, value });
    }
    return found;
  }

  return {
    root,
    place: ({ offset }) => place(offset),
    find: (path) => findNodeAtLocation(root, [...path]),
    problem,
    members,
    onlyKeys(node, what, known) {
      for (const { key, name } of members(node, what)) {
        if (known.includes(name)) continue;
        const expected = suggest(name, known, `one of ${known.join(", ")}`);
        problem(key, `unknown key "${name}" in ${what}, expected ${expected}`);
      }
    },
    finish() {
      if (problems.length === 0) return;
      const sorted = problems.toSorted((a, b) => a.offset - b.offset);
      throw new FileError([
        ...new Set(sorted.map(({ offset, text }) => `${place(offset)}: ${text}`)),
      ]);
    },
  };
}
