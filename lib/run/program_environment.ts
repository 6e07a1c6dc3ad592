// What programs find in their environment: who they are, the hub, and the same `abcd` as the controller's.

import type { Client } from "../client.ts";
import type { Program } from "../experiment/program.ts";
import { selfCommand } from "../process/self.ts";

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Writes the command into `FOLDER/bin` and returns that folder. Programs that outlive the controller
 * still find it there.
 */
function writeAbcdCommand(folder: string): string {
  const bin = `${folder}/bin`;
  Deno.mkdirSync(bin, { recursive: true });
  const quoted = selfCommand().map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const text = `#!/bin/sh\nexec ${quoted} "$@"\n`;
  // What is there already needs no room on a disk that may be full.
  if (readText(`${bin}/abcd`) === text) return bin;
  Deno.writeTextFileSync(`${bin}/abcd.new`, text, { mode: 0o755 });
  Deno.renameSync(`${bin}/abcd.new`, `${bin}/abcd`);
  return bin;
}

/** What {@linkcode createEnvironment} works with. */
export interface EnvironmentOptions {
  /** The experiment's state folder; `abcd` is put there. */
  readonly folder: string;
  readonly client: Client | undefined;
  /** The hub's address if it is known before the client joins. */
  readonly server: string | undefined;
  readonly beaconPort: number | undefined;
}

/** Gives a program's environment, beside what the controller itself has. */
export function createEnvironment(
  { folder, client, server, beaconPort }: EnvironmentOptions,
): {
  readonly of: (program: Program) => { readonly [name: string]: string };
  /** Puts the command into the folder again. */
  readonly renew: () => void;
} {
  const bin = writeAbcdCommand(folder);
  const of = ({ name, env }: Program) => {
    const address = client?.hub?.address ?? server;
    return {
      ABCD_NAME: name,
      ...(address === undefined ? {} : { ABCD_SERVER: address }),
      ...(beaconPort === undefined ? {} : { ABCD_BEACON_PORT: String(beaconPort) }),
      ...env,
      PATH: `${bin}:${env.PATH ?? Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
    };
  };
  return { of, renew: () => void writeAbcdCommand(folder) };
}
