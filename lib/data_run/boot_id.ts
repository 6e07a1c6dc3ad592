// Which start of the computer this is: processes live no longer than that.

/** An id that is another one after each start of the computer; `undefined` where there is none. */
export function bootId(): string | undefined {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return undefined;
  }
}
