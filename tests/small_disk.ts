// A small disk that a test can fill.

/** A disk of 1 MB at a folder. */
export interface SmallDisk extends AsyncDisposable {
  /** Fills it to the last byte. */
  fill(): Promise<void>;
  /** Fills it, and keeps it full, also when something on it is removed, until it is disposed of. */
  stayFull(): Promise<AsyncDisposable>;
  /** Makes room again. */
  free(): Promise<void>;
}

/** Mounts one, if this user may: `undefined` if not. */
export async function mountSmall(path: string): Promise<SmallDisk | undefined> {
  const run = (command: string, ...args: string[]) =>
    new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output();
  await Deno.mkdir(path, { recursive: true });
  const { success } = await run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path);
  if (!success) return undefined;
  async function fill(): Promise<void> {
    using filler = await Deno.open(`${path}/filler`, { write: true, create: true });
    try {
      for (;;) await filler.write(new Uint8Array(4096));
    } catch {
      // full
    }
  }
  return {
    fill,
    async stayFull() {
      let isOver = false;
      await fill();
      const filled = (async () => {
        for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 5))) await fill();
      })();
      return {
        async [Symbol.asyncDispose]() {
          isOver = true;
          await filled;
        },
      };
    },
    free: () => Deno.remove(`${path}/filler`),
    async [Symbol.asyncDispose]() {
      await run("umount", "--lazy", path);
    },
  };
}
