// Where the kernel puts the memory of a program that crashed.

/**
 * Where to find it, in words, by `/proc/sys/kernel/core_pattern` (core(5)).
 *
 * @param cwd The folder that the program ran in.
 */
export function describeCore(pattern: string, pid: number | undefined, cwd: string): string {
  const text = pattern.trim();
  if (text.startsWith("|")) {
    const handler = text.slice(1).trim().split(/\s/)[0] ?? "";
    return handler.endsWith("systemd-coredump")
      ? `core dumped: coredumpctl info ${pid ?? ""}`.trimEnd()
      : `core dumped, handed to ${handler}`;
  }
  if (text === "") return "core dumped";
  // What else can stand in a pattern is known to the kernel alone: any text may be there.
  const name = text.replaceAll(/%(.)/g, (_, letter) => {
    if (letter === "%") return "%";
    if ((letter === "p" || letter === "P") && pid !== undefined) return String(pid);
    return "*";
  });
  return `core dumped: ${name.startsWith("/") ? name : `${cwd}/${name}`}`;
}

/** The kernel's pattern; empty if it cannot be read. */
export function corePattern(): string {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/core_pattern");
  } catch {
    return "";
  }
}
