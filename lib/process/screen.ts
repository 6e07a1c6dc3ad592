// GNU screen, which gives a program a terminal that a person can attach to, and leave again.

/** The session of a program, as libABCD named it: `screen -r abcd-NAME` attaches to it. */
export function screenSession(program: string): string {
  return `abcd-${program}`;
}

/**
 * What screen is to do with the output of a program: appended to the log as it comes. Screen's own
 * settings file is not read: it could make windows of its own.
 *
 * @throws {Error} If screen has no way to name this file.
 */
export function screenSettings(logPath: string): string {
  if (/['\n]/.test(logPath)) {
    throw new Error(`Cannot log to ${logPath} from screen: there is a quote or a newline in it`);
  }
  return [
    "startup_message off",
    "vbell off",
    "defscrollback 10000",
    // A % would be one of screen's own placeholders.
    `logfile '${logPath.replaceAll("%", "%%")}'`,
    // Every write at once; 10 s is what screen does by itself.
    "logfile flush 0",
    "deflog on",
    "",
  ].join("\n");
}

/**
 * The arguments that make screen start a command in a session without a terminal, and stay its
 * parent (`-D -m`) for as long as it lives.
 */
export function screenArguments(
  session: string,
  settingsPath: string,
  argv: readonly string[],
): string[] {
  return ["-c", settingsPath, "-D", "-m", "-S", session, ...argv];
}
