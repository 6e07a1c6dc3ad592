// What is run on another computer to start a program there and to look at it: POSIX shell, `/proc`,
// and `setsid` or GNU screen. abcd itself need not be there.
//
// A start's files lie in `~/.local/state/abcd/ssh`: NAME.d says that it was begun, NAME.pid and
// NAME.exit are those of the holding shell, NAME.log is the program's output.

import { HOLD, HOLD_IN_SCREEN, HOLDER_NAME } from "../process/holder.ts";
import { screenSettings } from "../process/screen.ts";

/** A word as the shell takes it. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const FOLDER = `d="\${XDG_STATE_HOME:-$HOME/.local/state}/abcd/ssh"`;
/** Bytes of output that are brought over at a time. */
export const CHUNK_BYTES = 192 * 1024;

/** What is started. */
export interface RemoteStart {
  /** Of its files: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Relative to the home folder there. */
  readonly cwd: string;
  readonly env: { readonly [name: string]: string };
  /** The session of GNU screen that it runs in. Absent: it has no terminal. */
  readonly screen: string | undefined;
}

/**
 * Starts a program, once however often it is run: the first makes a folder of its name. Writes
 * `failed WHY` if it cannot.
 */
export function startScript({ name, argv, cwd, env, screen }: RemoteStart): string {
  for (const key of Object.keys(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
      throw new Error(
        `Cannot give the variable "${key}" to a program by ssh: no shell takes its name`,
      );
    }
  }
  const words = argv.map(quoteWord).join(" ");
  const variables = Object.entries(env).map(([key, value]) => `export ${key}=${quoteWord(value)}`);
  const hold = screen === undefined
    ? [
      `setsid -f true 2>/dev/null || { echo 'failed there is no "setsid -f" (util-linux)'; exit; }`,
      `setsid -f /bin/sh -c ${
        quoteWord(HOLD)
      } ${HOLDER_NAME} "$b.log" "$b" ${words} >/dev/null 2>&1`,
    ]
    : [
      `command -v screen >/dev/null || { echo 'failed GNU screen is not installed there (apt install screen); without it: "screen": false'; exit; }`,
      `printf '%s' ${quoteWord(screenSettings("@LOG@"))} | sed "s|@LOG@|$b.log|" >"$b.screen"`,
      `screen -c "$b.screen" -dmS ${quoteWord(screen)} /bin/sh -c ${
        quoteWord(HOLD_IN_SCREEN)
      } ${HOLDER_NAME} "$b" ${words}`,
    ];
  return [
    "(",
    FOLDER,
    `b="$d/"${quoteWord(name)}`,
    `mkdir -p "$d" || { echo "failed cannot make $d"; exit; }`,
    `mkdir "$b.d" 2>/dev/null || exit 0`,
    `: >>"$b.log"`,
    ...variables,
    `cd ${quoteWord(cwd)} 2>/dev/null || { echo ${
      quoteWord(`failed there is no folder ${cwd}`)
    }; exit; }`,
    ...hold,
    ")",
  ].join("\n");
}

/**
 * Looks at a start, sends it a signal if it is to get one, and brings its output over from a byte
 * on. One that was not begun never will be: its folder is there from now on, also for a start that
 * is still on its way. Writes lines: `never`, `exit CODE`, `alive PID` or `gone PID`, `group`, `signalled`, and then
 * its output in base64.
 *
 * A number may be another process' by now: it is ours if it has the same start time since the same
 * boot, and a group without its leader is ours if a member carries the start's id.
 */
export function lookScript(name: string, id: string, from: number, signal?: string): string {
  const send = signal === undefined
    ? ":"
    : `kill -s ${signal.replace(/^SIG/, "")} -- "-$p" 2>/dev/null && echo signalled`;
  return `(
${FOLDER}
b="$d/"${quoteWord(name)}
mkdir -p "$d"
mkdir "$b.d" 2>/dev/null && { echo never; exit 0; }
t() { l=\${1##*) }; set -- $l; [ "$1" = Z ] || echo "\${20}"; }
if [ -s "$b.pid" ]; then
  { read -r boot; read -r stat; } <"$b.pid"
  read -r now </proc/sys/kernel/random/boot_id
  p=\${stat%% *} is= g=
  if [ "$boot" = "$now" ]; then
    cur=; { read -r cur </proc/$p/stat; } 2>/dev/null
    [ -n "$cur" ] && [ "$(t "$cur")" = "$(t "$stat")" ] && is=1
    if kill -s 0 -- "-$p" 2>/dev/null; then
      if [ -n "$is" ]; then g=1; else
        for f in /proc/[0-9]*/stat; do
          m=; { read -r m <"$f"; } 2>/dev/null
          [ -n "$m" ] || continue
          r=\${m##*) }; set -- $r
          [ "$3" = "$p" ] && [ "$1" != Z ] || continue
          tr '\\0' '\\n' 2>/dev/null <"\${f%stat}environ" | grep -qxF ${
    quoteWord(`ABCD_RUN_ID=${id}`)
  } && { g=1; break; }
        done
      fi
    fi
  fi
  if [ -n "$is" ]; then echo "alive $p"; else echo "gone $p"; fi
  if [ -n "$g" ]; then echo group; ${send}; fi
fi
if [ -s "$b.exit" ]; then read -r c _ <"$b.exit"; [ -z "$c" ] || echo "exit $c"; fi
echo log
tail -c +${from + 1} "$b.log" 2>/dev/null | head -c ${CHUNK_BYTES} | base64
)`;
}

/** Removes a start's files there. */
export function forgetScript(name: string): string {
  return `( ${FOLDER}; b="$d/"${
    quoteWord(name)
  }; rm -rf "$b.d"; rm -f "$b.pid" "$b.exit" "$b.text" "$b.tmp" "$b.new" "$b.screen" "$b.log" )`;
}
