// What a program gives back of what it was started with: an error or an intruder in it can then do no more.

/** The permissions that Deno knows. */
export const PERMISSIONS = ["net", "read", "write", "env", "sys", "run", "ffi", "import"] as const;

/** One of {@linkcode PERMISSIONS}. */
export type Permission = typeof PERMISSIONS[number];

/**
 * Gives back all permissions but these, for good: nothing can ask for them again. Deno 2.4 takes files
 * back from nobody who had all permissions: there "read" and "write" stay.
 */
export async function keepOnly(kept: readonly Permission[]): Promise<void> {
  for (const name of PERMISSIONS) {
    if (!kept.includes(name)) await Deno.permissions.revoke({ name });
  }
}
