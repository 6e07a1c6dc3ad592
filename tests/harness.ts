// What black-box tests share: the program under test, a hub of their own, a folder.
//
// The program is the source under Deno, its modules put together (ABCD_BUNDLE names the file), or the binary
// that ABCD_BIN names: the same tests for all.

import { selfCommand } from "../lib/process/self.ts";
import { freeUdpPort } from "./free_ports.ts";
import { Running } from "./running.ts";

export { freeTcpPort, freeUdpPort } from "./free_ports.ts";
export { Running } from "./running.ts";
export { after, PATIENCE_MS, until, within } from "./waiting.ts";

/** The command line of the program under test. */
export function abcdCommand(): readonly string[] {
  const binary = Deno.env.get("ABCD_BIN");
  return binary === undefined || binary === ""
    ? selfCommand(Deno.env.get("ABCD_BUNDLE"))
    : [binary];
}

/** Starts abcd with these arguments. */
export function abcd(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Running {
  return new Running([...abcdCommand(), ...args], options);
}

/** Runs abcd to its end. */
export async function runAbcd(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using program = abcd(args, options);
  const { code } = await program.end();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/**
 * A hub of its own for one test: any free ports, on this computer alone, no UDP unless asked. It is
 * open, so that tests can join with bare sockets; abcd's own clients show it their key all the same.
 */
export class TestHub implements AsyncDisposable {
  private constructor(
    readonly process: Running,
    readonly httpPort: number,
    readonly tcpPort: number,
    readonly beaconPort: number,
  ) {}

  /** `host:port` of its HTTP and WebSocket. */
  get address(): string {
    return `127.0.0.1:${this.httpPort}`;
  }

  /** Options for a client subcommand to find it. */
  get clientArgs(): string[] {
    return ["--server", this.address];
  }

  /** Starts `abcd server`, unless asked without the watchdog, which is another process; `args` come last and so win. */
  static async start(
    args: readonly string[] = [],
    { open = true, watched = false, env = {} }: {
      open?: boolean;
      watched?: boolean;
      env?: Record<string, string>;
    } = {},
  ): Promise<TestHub> {
    const beaconPort = freeUdpPort();
    const process = abcd([
      "server",
      "--http-port=0",
      "--tcp-port=0",
      "--bind=127.0.0.1",
      `--beacon-port=${beaconPort}`,
      ...(open ? ["--open"] : []),
      ...(watched ? [] : ["--no-watchdog"]),
      ...args,
    ], { env });
    try {
      // The hub's own line: "hub NAME listens: http 127.0.0.1:40001, tcp 127.0.0.1:40002, …"
      const match = await process.saw(/listens: http \S+:(\d+), tcp \S+:(\d+)/);
      return new TestHub(process, Number(match[1]), Number(match[2]), beaconPort);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** The same that asks for a key, named `lab`. */
export function closedHub(
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<TestHub> {
  return TestHub.start(["--name=lab", ...args], { open: false, env });
}

/** A temporary folder that goes with the test. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    },
  };
}
