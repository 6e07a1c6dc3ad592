// What can be asked of this computer to learn whether a program does its work.

/** Whether somebody listens there; false too if the signal comes first. */
export async function lookAtTcp(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<boolean> {
  const connected = Deno.connect({ hostname, port }).then(
    (connection) => {
      connection.close();
      return true;
    },
    () => false,
  );
  let off = () => {};
  const late = new Promise<false>((resolve) => {
    const onAbort = () => resolve(false);
    signal.addEventListener("abort", onAbort, { once: true });
    off = () => signal.removeEventListener("abort", onAbort);
  });
  try {
    return signal.aborted ? false : await Promise.race([connected, late]);
  } finally {
    off();
  }
}

/** Whether there is such a file (or folder). */
export function lookAtFile(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether a command ends with exit code 0; when the signal comes first it is killed, and false. */
export async function lookAtExec(
  argv: readonly string[],
  cwd: string,
  env: { readonly [name: string]: string },
  signal: AbortSignal,
): Promise<boolean> {
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
  } catch {
    return false;
  }
}
