// abcd key: shows the hub's key, makes others from it, puts one where programs find it.

import { FileError } from "../lib/jsonc_file.ts";
import { defaultRightsFile, readRightsFile } from "../lib/keys/hub_keys.ts";
import {
  deriveKey,
  isKeyId,
  type Key,
  keyText,
  MAIN_KEY_ID,
  makeMainKey,
  parseKey,
} from "../lib/keys/key.ts";
import { defaultKeyFile, KeyFileError, readKeyFile, writeKeyFile } from "../lib/keys/key_file.ts";
import { type Entry, RIGHT_TEXTS } from "../lib/keys/rights.ts";
import type { RightsTable } from "../lib/keys/rights_file.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { HUB_OPTIONS } from "./shared_options.ts";

/** Longest key on standard input, with its white space. */
const MAX_INPUT = 1024;

/** A key on a terminal is typed or pasted and ends with the line; else the input ends. */
async function readInput(): Promise<string> {
  const decoder = new TextDecoder();
  const isTyped = Deno.stdin.isTerminal();
  let text = "";
  for await (const bytes of Deno.stdin.readable) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > MAX_INPUT || (isTyped && text.includes("\n"))) break;
  }
  return text.slice(0, MAX_INPUT);
}

/** What was asked of a key file cannot be done: said in one line. */
function saying<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof KeyFileError || error instanceof SyntaxError) {
      throw new CommandError(error.message);
    }
    throw error;
  }
}

/** Another key that is there may be that of a hub on this computer: it is not lost. */
function keepOld(path: string, key: Key): void {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return; // there is none
  }
  if (text.trim() === keyText(key) || text.trim() === "") return;
  Deno.renameSync(path, `${path}.old`);
  console.error(`Another key was there; it is in ${path}.old now`);
}

function readMain(path: string): Key {
  const key = saying(() => readKeyFile(path));
  if (key === undefined) {
    throw new CommandError(
      `There is no key in ${path}. On the hub's computer it is made when "abcd server" first starts, ` +
        'or now by "abcd key --new"; on another one, put the hub\'s there with "abcd key --set"',
    );
  }
  return key;
}

function rightsFrom(file: string | undefined): RightsTable {
  try {
    return readRightsFile(file ?? defaultRightsFile(), file !== undefined);
  } catch (error) {
    if (error instanceof FileError) throw new UsageError(error.problems.join("\n"));
    throw error;
  }
}

function describeEntry(title: string, entry: Entry): string[] {
  const list = (words: readonly string[]) => words.length === 0 ? "nothing" : words.join(", ");
  return [
    title,
    `    names       ${list(entry.names)}`,
    `    sends to    ${list(entry.to)}`,
    `    commands    ${list(entry.cmd)}`,
    `    publishes   ${list(entry.publish)}`,
    `    subscribes  ${list(entry.subscribe)}`,
    ...(entry.may.length === 0
      ? ["    may         nothing beyond that"]
      : entry.may.map((right, i) =>
        `    ${i === 0 ? "may " : "    "}        ${right}: ${RIGHT_TEXTS[right]}`
      )),
  ];
}

function describeRights({ keys, open }: RightsTable): string {
  return [
    `  ${MAIN_KEY_ID}\n    everything`,
    ...[...keys].map(([id, entry]) => describeEntry(`  ${id}`, entry).join("\n")),
    ...(open === undefined
      ? []
      : [describeEntry("  without a key, where that is", open).join("\n")]),
  ].join("\n");
}

/** `abcd key`. */
export default defineCommand({
  name: "key",
  summary: "show the hub's key, make one with fewer rights, put one in its place",
  usage: "[ID]",
  arity: [0, 1],
  description:
    `A hub lets in who has its key, and a program joins only a hub that has its own: neither sends it. The hub makes the key at its first start, in ~/.config/abcd/key, where all programs of the same user find it. On other computers it is put there by "abcd key --set", or given by ABCD_KEY or --key-file.

With an ID a key is made that may do less: what, stands in the rights file under this ID, as in

  {
    "keys": {
      "vacuum-pi": {},                            // an instrument: called vacuum-pi, vacuum-pi-2 …
      "shift": { "names": ["shift-*"], "may": ["run", "spy", "history"] },
      "monitor": { "to": [], "publish": [], "may": ["spy"] }      // looks, and does nothing
    }
  }

"names" it may have; "to", "cmd", "publish": whom it may send what, and on which topics; "subscribe". * stands for any characters, + and # as in topics. What is left out is its own ID, and everything. "may" names what needs a right of its own: ${
      Object.entries(RIGHT_TEXTS).map(([right, text]) => `${right} (${text})`).join(", ")
    }.

The hub reads the file again when it changes. A key is taken back by taking its ID out; a new one gets a new ID.`,
  needs: ["read", "write", "env", "sys"],
  options: {
    "new": {
      type: "flag",
      help: "make a new key, in place of the one that there is: all others made from it go with it",
    },
    "set": {
      type: "flag",
      help: "read a key from standard input, and put it where programs of this user find it",
    },
    "list": { type: "flag", help: "look the rights file over, and show what each key may do" },
    "key-file": { ...HUB_OPTIONS["key-file"], help: "the key file; without it ~/.config/abcd/key" },
    "rights": HUB_OPTIONS.rights,
  },
  examples: [
    ["abcd key", "the hub's key, on the hub's computer"],
    ["ssh daq abcd key | abcd key --set", "let programs here join the hub on daq"],
    ["abcd key vacuum-pi", "a key that may do what the rights file says of vacuum-pi"],
    ["abcd key --list", "what each key may do, and every error of the rights file"],
  ],
  async run({ options, args }) {
    const [id] = args;
    const doing = [options.new, options.set, options.list, id !== undefined].filter(Boolean).length;
    if (doing > 1) {
      throw new UsageError("Cannot do several things: give an ID, or one of the options");
    }
    const path = options["key-file"] ?? Deno.env.get("ABCD_KEY_FILE") ?? defaultKeyFile();
    if (options.list) {
      console.log(describeRights(rightsFrom(options.rights)));
      return EXIT.done;
    }
    if (path === undefined) {
      throw new UsageError("Cannot find the key: neither HOME is set nor --key-file is given");
    }
    if (options.set) {
      if (Deno.stdin.isTerminal()) console.error('Paste the key, as "abcd key" shows it:');
      const text = await readInput();
      const key = saying(() => parseKey(text));
      keepOld(path, key);
      saying(() => writeKeyFile(path, key, true));
      console.error(`The key "${key.id}" is in ${path}`);
      return EXIT.done;
    }
    if (options.new) {
      saying(() => writeKeyFile(path, makeMainKey(), true));
      console.error(
        `A new key is in ${path}; "abcd key" shows it. A hub that runs takes it within seconds, ` +
          "and closes whoever joined with another: copy it to the other computers",
      );
      return EXIT.done;
    }
    const key = readMain(path);
    if (id === undefined || id === key.id) {
      console.log(keyText(key));
      return EXIT.done;
    }
    if (!isKeyId(id)) {
      throw new UsageError(
        `Cannot make the key "${id}": an ID is 1 to 32 of a-z 0-9 -, not beginning with -`,
      );
    }
    if (key.id !== MAIN_KEY_ID) {
      throw new CommandError(
        `Cannot make a key from "${key.id}" (${path}): only the hub's own can be made from`,
      );
    }
    console.log(keyText(await deriveKey(key, id)));
    if (!rightsFrom(options.rights).keys.has(id)) {
      console.error(
        `The hub does not take it yet: put "${id}": {} under "keys" into ${
          options.rights ?? defaultRightsFile()
        }, with what it may do ("abcd key --help")`,
      );
    }
    return EXIT.done;
  },
});
