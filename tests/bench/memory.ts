// Memory in hand. A virtual machine may give its host back what is free, and what it takes then costs
// some 2 ms/MiB, ten times as much as a write of the journal. A computer that has been on for a while has
// its memory full of files that it has read: so that this is measured, a file without end is read.

const MIB = 1024 * 1024;
/** So much of a file that is new is written, twice. */
const PROBE_MIB = 256;
/** Memory counts as not in hand when the second time is so many times as quick. */
const MUCH_QUICKER = 4;
/** So much is read, and looked whether it took some of what was free: the kernel keeps a part of it. */
const STEP_MIB = 256;
/** Less than this was taken by a step: there is no more to be had. */
const LITTLE_MIB = 64;
/** Most files end there; it has only holes. */
const END_BYTES = 8 * 1024 ** 4;

function freeMib(): number {
  const text = Deno.readTextFileSync("/proc/meminfo");
  return Number(/^MemFree: +(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024;
}

/** Milliseconds for the writing of a new file. */
function writeMs(path: string): number {
  const some = new Uint8Array(MIB).fill(1);
  const begin = performance.now();
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (let i = 0; i < PROBE_MIB; i++) file.writeSync(some);
  const ms = performance.now() - begin;
  Deno.removeSync(path);
  return ms;
}

/** Keeps memory in hand, where it would not be by itself. */
export interface Memory extends AsyncDisposable {
  /** Whether this computer's free memory is slow to have. */
  readonly isNeeded: boolean;
  /** Takes in hand what is free now. */
  take(): void;
}

/** Looks whether it is needed. */
export async function holdMemory(): Promise<Memory> {
  const folder = await Deno.makeTempDir({ prefix: "abcd-bench-memory-" });
  const [first, second] = [writeMs(`${folder}/probe`), writeMs(`${folder}/probe`)];
  const isNeeded = first > MUCH_QUICKER * second;
  const file = Deno.openSync(`${folder}/holes`, { read: true, write: true, create: true });
  file.truncateSync(END_BYTES);
  const some = new Uint8Array(MIB);
  return {
    isNeeded,
    take() {
      if (!isNeeded) return;
      for (let free = freeMib(), before = Infinity; free < before - LITTLE_MIB;) {
        for (let i = 0; i < STEP_MIB; i++) file.readSync(some);
        before = free;
        free = freeMib();
      }
    },
    async [Symbol.asyncDispose]() {
      file.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
