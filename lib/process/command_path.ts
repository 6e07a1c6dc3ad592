// Whether a command can be started, and if not, why, and what was probably meant.

import { nearest } from "../nearest.ts";

function absolute(path: string, cwd: string): string {
  return path.startsWith("/") ? path : `${cwd}/${path.replace(/^(\.\/)+/, "")}`;
}

/** Why a file cannot be executed, in words; `undefined`: it can. "absent": there is none. */
function whyNotExecutable(path: string): string | undefined {
  try {
    const { isFile, isDirectory, mode } = Deno.statSync(path);
    if (isDirectory) return "is a folder, no program";
    if (!isFile) return "is no file";
    return ((mode ?? 0) & 0o111) === 0 ? `may not be executed (chmod +x ${path})` : undefined;
  } catch {
    return "absent";
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The first bytes of a file, as the kernel looks at them; `""` if it may not be read. */
function beginOf(path: string): string {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(256);
    const count = file.readSync(bytes) ?? 0;
    return new TextDecoder().decode(bytes.subarray(0, count));
  } catch {
    return "";
  }
}

/** Scripts that are run by scripts, up to which the kernel goes. */
const MOST_SCRIPTS = 4;

/** Why the program cannot be started that a script's first line names, in words; `undefined`: it can. */
function whyNoInterpreter(
  script: string,
  cwd: string,
  path: string,
  depth: number,
): string | undefined {
  const [, line] = /^#!([^\n]*)\n/.exec(beginOf(script)) ?? [];
  if (line === undefined) return undefined;
  if (depth >= MOST_SCRIPTS) return "is a script that is run by a script, and so on";
  // To the kernel the CR is a part of the name.
  if (line.endsWith("\r")) {
    return `has lines that end as on Windows, so what is to run it is not found (sed -i 's/\\r$//' ${script})`;
  }
  const [interpreter = "", argument = ""] = line.trim().split(/\s+/);
  const isByName = /\/env$/.test(interpreter) && /^[^-=][^=]*$/.test(argument);
  const why = look(interpreter, cwd, path, depth + 1) ??
    (isByName ? look(argument, cwd, path, depth + 1) : undefined);
  return why === undefined ? undefined : `is a script for "${line.trim()}": ${why}`;
}

/** As {@linkcode whyNoCommand}; `depth`: how many scripts it is to run already. */
function look(command: string, cwd: string, path: string, depth: number): string | undefined {
  if (command.includes("/")) {
    const file = absolute(command, cwd);
    const why = whyNotExecutable(file);
    if (why !== "absent") {
      const problem = why ?? whyNoInterpreter(file, cwd, path, depth);
      return problem === undefined ? undefined : `${command} ${problem}`;
    }
    const end = command.lastIndexOf("/") + 1;
    const near = nearest(command.slice(end), namesIn(absolute(command.slice(0, end), cwd)));
    return `there is no command ${command}` +
      (near === undefined ? "" : `, perhaps ${command.slice(0, end)}${near}`);
  }
  const folders = path.split(":").map((folder) => absolute(folder, cwd));
  const found = folders.map((folder) => `${folder}/${command}`)
    .find((file) => whyNotExecutable(file) === undefined);
  if (found !== undefined) {
    const problem = whyNoInterpreter(found, cwd, path, depth);
    return problem === undefined ? undefined : `${found} ${problem}`;
  }
  // As it is for a shell: what is in the folder alone needs its ./
  if (whyNotExecutable(`${cwd}/${command}`) !== "absent") {
    return `there is no command ${command}; the file in its folder is ./${command}`;
  }
  const near = nearest(command, [...new Set(folders.flatMap(namesIn))]);
  return `there is no command ${command}` + (near === undefined ? "" : `, perhaps ${near}`);
}

/**
 * Why a shell would not find a command, or the kernel not what is to run it, in words; `undefined`: it
 * would.
 *
 * @param cwd The folder that it is started in, absolute.
 * @param path The variable PATH.
 */
export function whyNoCommand(command: string, cwd: string, path: string): string | undefined {
  return look(command, cwd, path, 0);
}

/** Why nothing can be started in a folder, in words; `undefined`: it can. */
export function whyNoFolder(path: string): string | undefined {
  try {
    return Deno.statSync(path).isDirectory ? undefined : `${path} ("cwd") is no folder`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no folder ${path} ("cwd")`;
    const why = error instanceof Error ? error.message : String(error);
    return `the folder ${path} ("cwd") cannot be looked at: ${why}`;
  }
}
