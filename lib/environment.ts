// What the program's surroundings say: environment variables, the computer's name.

/** The value of an environment variable; `undefined` if it is not set, empty, or not to be read. */
export function environment(name: string): string | undefined {
  try {
    const value = Deno.env.get(name);
    return value === "" ? undefined : value;
  } catch (error) {
    // A program of a user's may run without the permission to read it.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** The computer's name; `undefined` if it is not to be read. */
export function computerName(): string | undefined {
  try {
    return Deno.hostname();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * The user's home folder: `HOME`, else as `/etc/passwd` has it (a service of the system has no `HOME`),
 * else the working folder.
 */
export function homeFolder(): string {
  const home = environment("HOME");
  if (home !== undefined) return home;
  try {
    const uid = `${Deno.uid()}`;
    const user = Deno.readTextFileSync("/etc/passwd").split("\n").map((line) => line.split(":"))
      .find((fields) => fields[2] === uid);
    return user?.[5] || ".";
  } catch {
    return "."; // Windows, or nothing may be read
  }
}

/** Where programs keep what outlives them: `XDG_STATE_HOME`, else `.local/state` in the home folder. */
export function stateHome(): string {
  return environment("XDG_STATE_HOME") ?? `${homeFolder()}/.local/state`;
}
