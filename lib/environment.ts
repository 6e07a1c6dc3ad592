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
