// How a simulated instrument fails, so that what watches over it can be tried.

/** What a fault does. */
export type Fault =
  /** Ends the process by an error that nothing catches. */
  | { readonly kind: "crash" }
  /** Blocks the event loop for ever. */
  | { readonly kind: "hang" }
  /** Writes lines as fast as they are taken. */
  | { readonly kind: "flood" }
  /** Ends the process with this code. */
  | { readonly kind: "exit"; readonly code: number };

/** Reads a fault: `crash`, `hang`, `flood`, `exit=CODE`; undefined if it is none of them. */
export function parseFault(text: string): Fault | undefined {
  if (text === "crash" || text === "hang" || text === "flood") return { kind: text };
  const code = /^exit=(\d{1,3})$/.exec(text)?.[1];
  if (code === undefined || Number(code) > 255) return undefined;
  return { kind: "exit", code: Number(code) };
}

/** What a fault needs of the world. */
export interface FaultWorld {
  /** Over: nothing more is to be done. */
  readonly stop: AbortSignal;
  /** Writes one line. */
  write(line: string): void;
  /** Ends the process. */
  exit(code: number): void;
  /** Takes an error that nothing catches. */
  crash(error: Error): void;
  /** Never returns. */
  hang(): void;
}

/** Does it. A flood goes on until `stop`. */
export async function doFault(fault: Fault, world: FaultWorld): Promise<void> {
  switch (fault.kind) {
    case "crash":
      world.crash(new Error("simulated crash"));
      return;
    case "exit":
      world.exit(fault.code);
      return;
    case "hang":
      world.hang();
      return;
    case "flood":
      for (let line = 0; !world.stop.aborted;) {
        for (const end = line + 1000; line < end; line++) world.write(`flood line ${line}`);
        // Lets signals and timers through between two thousand lines.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
  }
}
