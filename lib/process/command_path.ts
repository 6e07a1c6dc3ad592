// Whether a command can be started, and if not, why, and what was probably meant.

import { nearest } from "../nearest.ts";

function absolute(path: string, cwd: string): string {
  return path.startsWith("/") ? path : `${cwd}/${path}`;
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

/**
 * Why a shell would not find a command, in words; `undefined`: it would.
 *
 * @param cwd The folder that it is started in, absolute.
 * @param path The variable PATH.
 */
export function whyNoCommand(command: string, cwd: string, path: string): string | undefined {
  if (command.includes("/")) {
    const file = absolute(command, cwd);
    const why = whyNotExecutable(file);
    if (why !== "absent") return why === undefined ? undefined : `${command} ${why}`;
    const end = command.lastIndexOf("/") + 1;
    const near = nearest(command.slice(end), namesIn(absolute(command.slice(0, end), cwd)));
    return `there is no command ${command}` +
      (near === undefined ? "" : `, perhaps ${command.slice(0, end)}${near}`);
  }
  const folders = path.split(":").map((folder) => absolute(folder, cwd));
  if (folders.some((folder) => whyNotExecutable(`${folder}/${command}`) === undefined)) {
    return undefined;
  }
  // As it is for a shell: what is in the folder alone needs its ./
  if (whyNotExecutable(`${cwd}/${command}`) !== "absent") {
    return `there is no command ${command}; the file in its folder is ./${command}`;
  }
  const near = nearest(command, [...new Set(folders.flatMap(namesIn))]);
  return `there is no command ${command}` + (near === undefined ? "" : `, perhaps ${near}`);
}
