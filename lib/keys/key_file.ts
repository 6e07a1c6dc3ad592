// Where keys live: a file of the user's that nobody else may read, or the environment.

import { environment, homeFolder } from "../environment.ts";
import { type Key, keyText, MAIN_KEY_ID, makeMainKey, parseKey } from "./key.ts";

/** A key file that cannot be used: what is wrong with it, and what to do. */
export class KeyFileError extends Error {
  override name = "KeyFileError";
}

/** A key, and where it was found. */
export interface FoundKey {
  readonly key: Key;
  /** In words: a file's path, `ABCD_KEY`, "the program". */
  readonly from: string;
}

/**
 * The folder of what abcd keeps for a user: `$XDG_CONFIG_HOME/abcd`, else `~/.config/abcd`;
 * `undefined` if the user has no folders.
 */
export function configFolder(): string | undefined {
  const config = environment("XDG_CONFIG_HOME");
  // The specification says that a relative one is to be ignored.
  if (config?.startsWith("/")) return `${config}/abcd`;
  const home = environment("USERPROFILE") ?? homeFolder();
  return home === "." ? undefined : `${home}/.config/abcd`;
}

/** The user's key file; `undefined` if the user has no folders. */
export function defaultKeyFile(): string | undefined {
  const folder = configFolder();
  return folder === undefined ? undefined : `${folder}/key`;
}

/** Group may not write, others neither read nor write. */
const FORBIDDEN_MODE = 0o026;

/** Whose a file must be: ours, or the administrator's. */
function isOurs(uid: number | null): boolean {
  try {
    const own = Deno.uid();
    return own === null || uid === null || uid === 0 || uid === own;
  } catch {
    return true; // it may not be asked
  }
}

/**
 * Whether this says that there is no such file, or none for this program. A file in the place of a
 * folder on the way says so too: the home of a service is often `/dev/null`.
 */
export function isAbsence(error: unknown): boolean {
  const { NotFound, NotADirectory, NotCapable } = Deno.errors;
  return error instanceof NotFound || error instanceof NotADirectory || error instanceof NotCapable;
}

/**
 * The key in a file; `undefined` if there is no such file, or the program may not read files.
 *
 * @param anyOwner Whether it may be another user's: somebody named the file.
 * @throws {KeyFileError} If it is no key, or if others could have read or written it.
 */
export function readKeyFile(path: string, anyOwner = true): Key | undefined {
  let text: string;
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(`Cannot read the key file ${path}: ${why}`);
  }
  if (info.mode !== null && (info.mode & FORBIDDEN_MODE) !== 0) {
    const mode = (info.mode & 0o777).toString(8).padStart(4, "0");
    throw new KeyFileError(
      `Cannot use the key file ${path}: its mode is ${mode}, so that others can read or change it. ` +
        `If they may have, make a new key with "abcd key --new"; if not, "chmod 600 ${path}"`,
    );
  }
  if (!anyOwner && !isOurs(info.uid)) {
    throw new KeyFileError(
      `Cannot use the key file ${path}: it is another user's (${info.uid}). Name it with ` +
        "--key-file if it is meant",
    );
  }
  try {
    return parseKey(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(`${why} (${path})`);
  }
}

/**
 * Writes a key into a file that only its owner can read. The file is there whole, or not at all.
 *
 * @returns Whether it was written: not over another key, unless `replace`.
 * @throws {KeyFileError} If it cannot be written.
 */
export function writeKeyFile(path: string, key: Key, replace = false): boolean {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const draft = `${path}.${crypto.randomUUID()}`;
  try {
    if (folder !== "") Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(draft, `${keyText(key)}\n`, { createNew: true, mode: 0o600 });
    try {
      if (replace) {
        Deno.renameSync(draft, path);
        return true;
      }
      // Unlike a renaming, a second name is never put in place of a file that is there.
      Deno.linkSync(draft, path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    } finally {
      if (!replace) Deno.removeSync(draft);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(`Cannot write the key file ${path}: ${why}`);
  }
}

/** Options of {@linkcode findKey}. */
export interface KeyOptions {
  /** The key's text. */
  readonly key?: string;
  /** A file that has it, and must be there. */
  readonly keyFile?: string;
}

/**
 * The key of a client: the one that is given, else the one in the file that is given, else
 * `ABCD_KEY`, else the file that `ABCD_KEY_FILE` names, else the user's key file; `undefined` if
 * there is none of these.
 *
 * @throws {KeyFileError} If a file that is named is not there, or one that is there cannot be used.
 * @throws {SyntaxError} If the text is no key.
 */
export function findKey(options: KeyOptions = {}): FoundKey | undefined {
  if (options.key !== undefined) return { key: parseKey(options.key), from: "the program" };
  if (options.keyFile !== undefined) return fromFile(options.keyFile);
  const text = environment("ABCD_KEY");
  if (text !== undefined) return { key: parseKey(text), from: "ABCD_KEY" };
  const named = environment("ABCD_KEY_FILE");
  if (named !== undefined) return fromFile(named);
  const path = defaultKeyFile();
  const key = path === undefined ? undefined : readKeyFile(path, false);
  return key === undefined || path === undefined ? undefined : { key, from: path };
}

function fromFile(path: string): FoundKey {
  const key = readKeyFile(path);
  if (key === undefined) {
    throw new KeyFileError(`Cannot read the key file ${path}: it is not there`);
  }
  return { key, from: path };
}

/**
 * The main key of a hub; at the first start it is made.
 *
 * @throws {KeyFileError} If there is none and none can be made, or if it is not a main one.
 */
export function takeMainKey(options: KeyOptions = {}): FoundKey & { readonly made: boolean } {
  const path = options.keyFile ?? environment("ABCD_KEY_FILE") ?? defaultKeyFile();
  const inText = options.keyFile === undefined ? options.key ?? environment("ABCD_KEY") : undefined;
  let found: FoundKey | undefined;
  let made = false;
  if (inText !== undefined) found = { key: parseKey(inText), from: "ABCD_KEY" };
  else if (path !== undefined) {
    const named = path !== defaultKeyFile();
    if (readKeyFile(path, named) === undefined) made = writeKeyFile(path, makeMainKey());
    const key = readKeyFile(path, named);
    if (key !== undefined) found = { key, from: path };
  }
  if (found === undefined) {
    throw new KeyFileError(
      "Cannot make a key: neither XDG_CONFIG_HOME nor HOME says where; name a file with --key-file",
    );
  }
  if (found.key.id !== MAIN_KEY_ID) {
    throw new KeyFileError(
      `Cannot run a hub with the key "${found.key.id}" (${found.from}): it takes a main key; ` +
        "name another file with --key-file",
    );
  }
  return { ...found, made };
}
