// What a program gives back of what it was started with: an error or an intruder in it can then do no more.

/** The permissions that Deno knows. */
export const PERMISSIONS = ["net", "read", "write", "env", "sys", "run", "ffi", "import"] as const;

/** One of {@linkcode PERMISSIONS}. */
export type Permission = typeof PERMISSIONS[number];

/** What Deno says of files that it opens only to who has all permissions. */
const NEEDS_ALL = /Requires all access to (".*?"), run again with the --allow-all flag/g;

/** A reason in which Deno's advice, which nobody can follow any more, stands as it is for a user. */
export function inOwnWords(reason: string): string {
  return reason.replace(
    NEEDS_ALL,
    "$1 cannot be used, as nothing can that is under /dev, /proc or /sys: that takes all of Deno's " +
      "permissions, which this program has given back; name another place",
  );
}

/**
 * Gives back all permissions but these, for good: nothing can ask for them again. Deno 2.4 takes files
 * back from nobody who had all permissions: there "read" and "write" stay.
 */
export async function keepOnly(kept: readonly Permission[]): Promise<void> {
  for (const name of PERMISSIONS) {
    if (!kept.includes(name)) await Deno.permissions.revoke({ name });
  }
}
