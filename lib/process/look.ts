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
 * `true`: it holds. A text: it does not, and why, as far as there is more to say. `undefined`: nobody can tell
 * now, as while the computer is not reached.
 */
export type Answer = true | string | undefined;

/**
 * What can be asked of a computer. Nobody waits any more when the signal comes: then the answer is no, for the
 * signal's reason, or comes late.
 */
export interface Looks {
  /** Whether somebody listens there. */
  tcp(host: string, port: number, signal: AbortSignal): Promise<Answer>;
  /** Whether there is such a file (or folder). */
  file(path: string, signal: AbortSignal): Promise<Answer>;
  /** Whether a command ends with exit code 0. */
  exec(look: ExecLook, signal: AbortSignal): Promise<Answer>;
}

/**
 * Whether this process could not even ask, for want of file descriptors, processes or memory: EAGAIN,
 * ENOMEM, ENFILE, EMFILE. That says nothing of who is asked, and nobody must be restarted for it.
 */
function couldNotAsk(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock ||
    error instanceof Error && /\(os error (11|12|23|24)\)/.test(error.message);
}

const textOf = (error: unknown) => error instanceof Error ? error.message : String(error);

/** No too if the signal comes first: a network that is gone may hold the answer for minutes. */
async function orLate(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  let off = () => {};
  const late = new Promise<string>((resolve) => {
    const onAbort = () => resolve(textOf(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    off = () => signal.removeEventListener("abort", onAbort);
  });
  try {
    return signal.aborted ? textOf(signal.reason) : await Promise.race([answer, late]);
  } finally {
    off();
  }
}

/** "Connection refused (os error 111)" without its number. */
function noOrUnknown(error: unknown): string | undefined {
  if (couldNotAsk(error)) return undefined;
  const text = textOf(error).replace(/ \(os error \d+\)/, "");
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function lookAtTcp(hostname: string, port: number, signal: AbortSignal) {
  const connected = Deno.connect({ hostname, port }).then(
    (connection): Answer => {
      connection.close();
      return true;
    },
    noOrUnknown,
  );
  return orLate(connected, signal);
}

async function lookAtExec({ argv, cwd, env }: ExecLook, signal: AbortSignal): Promise<Answer> {
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
    const status = await child.status;
    signal.removeEventListener("abort", onAbort);
    if (signal.aborted) return textOf(signal.reason);
    return status.success || inWords(status);
  } catch (error) {
    return noOrUnknown(error);
  }
}

function inWords({ code, signal }: Deno.CommandStatus): string {
  return signal === null ? `exit code ${code}` : `ended by ${signal}`;
}

/** Asks this computer. */
export const LOOKS_HERE: Looks = {
  tcp: lookAtTcp,
  file: (path, signal) => orLate(Deno.stat(path).then(() => true, () => ""), signal),
  // One that hangs in the kernel does not end by a SIGKILL, either.
  exec: (look, signal) => orLate(lookAtExec(look, signal), signal),
};
