// A hub's key and rights as files: read at the start, and again when they change.

import { FileError } from "../jsonc_file.ts";
import { type Log, NO_LOG } from "../log_contract.ts";
import { createDoor, type Door, type DoorOptions } from "./door.ts";
import { makeMainKey } from "./key.ts";
import { configFolder, type FoundKey, isAbsence, KeyFileError, takeMainKey } from "./key_file.ts";
import { NO_RIGHTS, parseRights, type RightsTable } from "./rights_file.ts";

/** Options of {@linkcode openHubKeys}. */
export interface HubKeysOptions
  extends Pick<DoorOptions, "hub" | "open" | "openTcp" | "plainKeys" | "addresses"> {
  /** The file with the main key; it is made if it is not there. Default: the user's key file. */
  readonly keyFile?: string;
  /** The file with the rights of other keys. Default: `rights.jsonc` beside the user's key file. */
  readonly rightsFile?: string;
  readonly log?: Log;
}

/** A hub's door, and what is behind it. */
export interface HubKeys {
  readonly door: Door;
  /** What is said of it at the start. */
  readonly from: string;
  /** Reads the files again if they have changed; returns what has. To be called each second or so. */
  look(): "nothing" | "rights" | "key";
  /** Reads them again in any case. */
  reload(): "rights" | "key";
}

/** The user's rights file; `undefined` if the user has no folders. */
export function defaultRightsFile(): string | undefined {
  const folder = configFolder();
  return folder === undefined ? undefined : `${folder}/rights.jsonc`;
}

/** What tells that a file has changed; "": it is not there. */
function stateOf(path: string | undefined): string {
  if (path === undefined) return "";
  try {
    const { mtime, size, ino, mode } = Deno.statSync(path);
    return `${mtime?.getTime()} ${size} ${ino} ${mode}`;
  } catch {
    return "";
  }
}

/**
 * The rights in a file.
 *
 * @throws {FileError} With every problem of it, or if it cannot be read.
 */
export function readRightsFile(path: string | undefined, mustBe: boolean): RightsTable {
  if (path === undefined) return NO_RIGHTS;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (isAbsence(error) && !mustBe) return NO_RIGHTS;
    const why = error instanceof Error ? error.message : String(error);
    throw new FileError([`Cannot read the rights file ${path}: ${why}`]);
  }
  const table = parseRights(text, path);
  const { mode } = Deno.statSync(path);
  if (mode !== null && (mode & 0o002) !== 0) {
    throw new FileError([
      `Cannot use the rights file ${path}: everybody can change it. If nobody has, "chmod o-w ${path}"`,
    ]);
  }
  return table;
}

/** An open hub needs no key: where none can be kept it has one that nobody knows. */
function takeKey(options: HubKeysOptions, log: Log): FoundKey & { made: boolean } {
  try {
    return takeMainKey(options);
  } catch (error) {
    if (!options.open || !(error instanceof KeyFileError)) throw error;
    log.warn(`${error.message}; the hub is open, and goes on without`);
    return { key: makeMainKey(), from: "nowhere", made: false };
  }
}

/**
 * Reads a hub's key, which is made at the first start, and the rights of the others.
 *
 * @throws {KeyFileError} If there is no key and none can be made.
 * @throws {SyntaxError} If it is none.
 * @throws {FileError} With every problem of the rights file.
 */
export function openHubKeys(options: HubKeysOptions): HubKeys {
  const { log = NO_LOG } = options;
  const rightsFile = options.rightsFile ?? defaultRightsFile();
  const mustBe = options.rightsFile !== undefined;
  let found = takeKey(options, log);
  let rights = readRightsFile(rightsFile, mustBe);
  const door = createDoor({ ...options, main: found.key, rights });
  const keyFile = found.from.includes("/") ? found.from : undefined;
  let states = [stateOf(keyFile), stateOf(rightsFile)];

  function readKey(): boolean {
    if (keyFile === undefined) return false;
    try {
      const next = takeMainKey({ keyFile });
      if (next.key.secret === found.key.secret) return false;
      found = next;
      door.setMain(next.key);
      log.warn(`The key in ${keyFile} is a new one: who joined with another is closed`);
      return true;
    } catch (error) {
      log.error(`${error instanceof Error ? error.message : error}; the old key goes on`);
      return false;
    }
  }

  function readRights(): void {
    try {
      rights = readRightsFile(rightsFile, mustBe);
      door.setRights(rights);
      log.info(`Read the rights of ${rights.keys.size} keys in ${rightsFile}`);
    } catch (error) {
      const problems = error instanceof FileError ? error.problems : [String(error)];
      for (const line of problems) log.error(line);
      log.error("The rights file has errors; the old rights go on");
    }
  }

  function reload(): "rights" | "key" {
    states = [stateOf(keyFile), stateOf(rightsFile)];
    const isNew = readKey();
    readRights();
    return isNew ? "key" : "rights";
  }

  const others = rights.keys.size === 0
    ? ""
    : `, rights of ${rights.keys.size} more in ${rightsFile}`;
  return {
    door,
    from: `${found.made ? "made a new key in" : "key from"} ${found.from}${others}`,
    reload,
    look() {
      const now = [stateOf(keyFile), stateOf(rightsFile)];
      if (now.every((state, i) => state === states[i])) return "nothing";
      // A key file that is gone is not made again while the hub runs: that is somebody's mistake.
      if (now[0] === "" && states[0] !== "") {
        log.error(`The key file ${keyFile} is gone; the hub goes on with its key`);
        if (now[1] === states[1]) {
          states = now;
          return "nothing";
        }
        states = now;
        readRights();
        return "rights";
      }
      return reload();
    },
  };
}
