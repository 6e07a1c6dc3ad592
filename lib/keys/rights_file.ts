// The rights file: JSONC in, what each key may do out, or every error it has with its place.
//
//   {
//     "keys": {
//       "shift": { "names": ["shift-*"], "may": ["run", "spy"] },
//       "vacuum-pi": { "to": ["logger"], "publish": ["vacuum/#"] }
//     },
//     "open": { "names": ["old-*"] }      // who joins without a key, where that is possible
//   }

import { type JsoncFile, type Node, openJsonc, suggest } from "../jsonc_file.ts";
import { type KeyTable, type ReadKey, readKeys } from "../jsonc_keys.ts";
import { problemWithSubscription } from "../topic.ts";
import { isKeyId, MAIN_KEY_ID } from "./key.ts";
import { type Entry, plainEntry, type Right, RIGHTS } from "./rights.ts";

/** What stands in a rights file. */
export interface RightsTable {
  /** What the key of each ID may do; the main one is not in it, it may do everything. */
  readonly keys: ReadonlyMap<string, Entry>;
  /** What who joined without a key may do; `undefined`: the file says nothing of it. */
  readonly open: Entry | undefined;
}

/** The table of a hub without a rights file. */
export const NO_RIGHTS: RightsTable = { keys: new Map(), open: undefined };

/** A list of texts, each of which `problem` finds nothing wrong with. */
function texts(
  fallback: readonly string[],
  expected: string,
  problem: (text: string) => string | undefined = () => undefined,
): ReadKey<readonly string[]> {
  return ({ file, key, node, of, wrong }) => {
    if (node === undefined) return fallback;
    if (node.type !== "array") {
      wrong(`a list of ${expected}`);
      return fallback;
    }
    const found: string[] = [];
    for (const item of node.children ?? []) {
      const { value }: { value?: unknown } = item;
      if (typeof value !== "string" || value === "") {
        file.problem(
          item,
          `"${key}" of ${of} has ${JSON.stringify(value) ?? "something else"}, ` +
            `expected ${expected}`,
        );
        continue;
      }
      const why = problem(value);
      if (why === undefined) found.push(value);
      else file.problem(item, `"${key}" of ${of} has "${value}": ${why}, expected ${expected}`);
    }
    return found;
  };
}

const badName = (glob: string) =>
  /^[A-Za-z0-9._*-]{1,64}$/.test(glob) ? undefined : "no name can be like that";

const may: ReadKey<readonly Right[]> = ({ file, key, node, of, wrong }) => {
  if (node === undefined) return [];
  if (node.type !== "array") {
    wrong(`a list of ${RIGHTS.join(", ")}`);
    return [];
  }
  const found: Right[] = [];
  for (const item of node.children ?? []) {
    const right = RIGHTS.find((one) => one === item.value);
    if (right !== undefined) found.push(right);
    else {
      const expected = typeof item.value === "string"
        ? suggest(item.value, RIGHTS, `one of ${RIGHTS.join(", ")}`)
        : `one of ${RIGHTS.join(", ")}`;
      file.problem(
        item,
        `"${key}" of ${of} has ${
          JSON.stringify(item.value)
        }, which is no right, expected ${expected}`,
      );
    }
  }
  return found;
};

function entryTable(plain: Entry): KeyTable<Entry> {
  return {
    names: texts(plain.names, "names, with * for any characters", badName),
    to: texts(plain.to, "names of clients, with * for any characters", badName),
    publish: texts(plain.publish, "topics, + and # allowed", problemWithSubscription),
    subscribe: texts(plain.subscribe, "topics, + and # allowed", problemWithSubscription),
    cmd: texts(plain.cmd, "commands, with * for any characters"),
    may,
  };
}

function readEntry(file: JsoncFile, object: Node, what: string, plain: Entry): Entry {
  return readKeys(entryTable(plain), { file, object, what, context: undefined });
}

/**
 * Reads a rights file's text; `path` stands in front of its errors.
 *
 * @throws {FileError} With every problem of the file.
 */
export function parseRights(text: string, path: string): RightsTable {
  const file = openJsonc(text, path);
  file.onlyKeys(file.root, "the rights file", ["keys", "open"]);
  const keys = new Map<string, Entry>();
  const list = file.find(["keys"]);
  for (const { key, name, value } of list === undefined ? [] : file.members(list, '"keys"')) {
    if (name === MAIN_KEY_ID) {
      file.problem(
        key,
        `"${name}" is the key that may do everything, expected the ID of another one`,
      );
    } else if (!isKeyId(name)) {
      file.problem(
        key,
        `"${name}" is no ID of a key, expected 1 to 32 of a-z 0-9 -, not beginning with -`,
      );
    } else {
      keys.set(name, readEntry(file, value, `key ${name}`, plainEntry(name)));
    }
  }
  const node = file.find(["open"]);
  const open = node === undefined
    ? undefined
    : readEntry(file, node, '"open"', { ...plainEntry("open"), names: ["*"] });
  file.finish();
  return { keys, open };
}
