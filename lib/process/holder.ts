// The shell that holds a program: it starts it, waits for it, and writes down how it ended. It lives
// as long as the program does, whatever becomes of who started it.

/** What the holding shell is called, in `/proc/PID/cmdline`. */
export const HOLDER_NAME = "abcd-shim";

/** Writes down who it is and then becomes the program: same pid, same start time. */
const WRITE_DOWN = `
  read -r stat </proc/$$/stat
  read -r boot </proc/sys/kernel/random/boot_id
  printf "%s\\n%s\\n" "$boot" "$stat" >"$0.new" && command -p mv "$0.new" "$0.pid"`;

/**
 * A program without a terminal. Its arguments: log, base, program …
 *
 * Where none of this can be written, as on a disk that can be read only, the program runs all the same:
 * what it writes is lost then, and its exit code is known only to the controller that started it.
 *
 * A place for the exit code is made before the start: a full disk takes it from nobody then. A shell
 * without job control would start a job in the background with SIGINT ignored; so the program runs
 * in the foreground, and `setsid` gives it a session and a group. What the outer shell says of its
 * end, such as "core dumped", is kept apart from the program's own output.
 */
export const HOLD = `
trap : HUP INT QUIT TERM
log=$1 base=$2
shift 2
printf '%-31s\\n' '' >"$base.tmp"
printf '' >"$base.text" && exec 2>"$base.text"
command -p setsid /bin/sh -c '${WRITE_DOWN}
  log=$1
  shift
  printf "" >>"$log" || log=/dev/null
  exec "$@" </dev/null >>"$log" 2>&1
' "$base" "$log" "$@"
code=$?
printf '%s\\n' "$code" 1<>"$base.tmp"
command -p mv "$base.tmp" "$base.exit"
exit "$code"
`;

/**
 * A program with a terminal, which is a window of GNU screen. Its arguments: base, program …
 *
 * The window has a session already; job control gives the program a group in it, in the foreground,
 * so that what a person types is for the program, and a signal to the group spares this shell.
 * Screen writes the log. It is given a moment for the last lines before the end is told. When the
 * window is closed by force, this shell ends with it, and only so does the kernel tell the program;
 * nobody can say then how that ended.
 */
export const HOLD_IN_SCREEN = `
trap : INT QUIT TERM
base=$1
shift
printf '%-31s\\n' '' >"$base.tmp"
printf '' >"$base.text" && exec 2>"$base.text"
set -m
/bin/sh -c '${WRITE_DOWN}
  exec "$@" 2>&1
' "$base" "$@"
code=$?
command -p sleep 0.2
printf '%s\\n' "$code" 1<>"$base.tmp"
command -p mv "$base.tmp" "$base.exit"
`;
