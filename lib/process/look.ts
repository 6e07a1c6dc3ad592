// What can be asked of a computer to learn whether a program on it does its work; and of this one.

/** A command that is run to see whether it ends well. */
export interface ExecLook {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: { readonly [name: string]: string };
  /** How long it may take, in seconds; then it is killed. */
  readonly timeoutSec: number;
}

/**
 * What can be asked of a computer. Nobody waits any more when the signal comes: then the answer is
 * false, or comes late. `undefined`: nobody can tell now, as while the computer is not reached.
 */
export interface Looks {
  /** Whether somebody listens there. */
  tcp(host: string, port: number, signal: AbortSignal): Promise<boolean | undefined>;
  /** Whether there is such a file (or folder). */
  file(path: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** Whether a command ends with exit code 0. */
  exec(look: ExecLook, signal: AbortSignal): Promise<boolean | undefined>;
}

/**
 * Whether this process could not even ask, for want of file descriptors, processes or memory: EAGAIN,
 * ENOMEM, ENFILE, EMFILE. That says nothing of who is asked, and nobody must be restarted for it.
 */
function couldNotAsk(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock ||
    error instanceof Error && /\(os error (11|12|23|24)\)/.test(error.message);
}

/** False too if the signal comes first: a network that is gone may hold the answer for minutes. */
async function orLate(
  answer: Promise<boolean | undefined>,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  let off = () => {};
  const late = new Promise<false>((resolve) => {
    const onAbort = () => resolve(false);
    signal.addEventListener("abort", onAbort, { once: true });
    off = () => signal.removeEventListener("abort", onAbort);
  });
  try {
    return signal.aborted ? false : await Promise.race([answer, late]);
  } finally {
    off();
  }
}

function noOrUnknown(error: unknown): false | undefined {
  return couldNotAsk(error) ? undefined : false;
}

function lookAtTcp(hostname: string, port: number, signal: AbortSignal) {
  const connected = Deno.connect({ hostname, port }).then(
    (connection) => {
      connection.close();
      return true;
    },
    noOrUnknown,
  );
  return orLate(connected, signal);
}

async function lookAtExec(
  { argv, cwd, env }: ExecLook,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const [command = "", ...args] = argv;
  const kill = (pid: number) => {
    try {
      Deno.kill(-pid, "SIGKILL");
    } catch {
      // it has ended
    }
  };
  try {
    const child = new Deno.Command(command, {
      args,
      cwd,
      env: { ...env },
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // A group of its own: its children go with it.
      detached: true,
    }).spawn();
    const onAbort = () => kill(child.pid);
    signal.addEventListener("abort", onAbort, { once: true });
    const { success } = await child.status;
    signal.removeEventListener("abort", onAbort);
    return success && !signal.aborted;
  } catch (error) {
    return noOrUnknown(error);
  }
}

/** Asks this computer. */
export const LOOKS_HERE: Looks = {
  tcp: lookAtTcp,
  file: (path, signal) => orLate(Deno.stat(path).then(() => true, () => false), signal),
  exec: lookAtExec,
};
