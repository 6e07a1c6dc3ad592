// A shell on another computer, kept open through ssh: a question is a piece of shell script, its
// answer what that writes. When the connection breaks the next question opens another one.

/** A shell on another computer. */
export interface SshShell extends Disposable {
  readonly host: string;
  /**
   * Runs a script there, one at a time, and resolves to what it wrote on standard output.
   *
   * @throws {SshError} If it cannot be known that it ran to its end. It may have run.
   */
  run(script: string): Promise<string>;
}

/** The other computer cannot be reached, or does not answer. */
export class SshError extends Error {
  override name = "SshError";
}

/** How long one question may take, with the connection that it may need, in milliseconds. */
const ANSWER_MS = 20_000;
/** The connection itself: no questions to a person, and no waiting for a computer that is gone. */
const OPTIONS = [
  "-T",
  ...["-o", "BatchMode=yes"],
  ...["-o", "ConnectTimeout=10"],
  ...["-o", "ServerAliveInterval=5"],
  ...["-o", "ServerAliveCountMax=3"],
];
/** What is kept of what ssh itself says, in characters. */
const STDERR_CHARS = 1000;

interface Connection {
  readonly child: Deno.ChildProcess;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  /** What it has written and nobody has taken. */
  text: string;
  stderr: string;
  ended: boolean;
  changed: () => void;
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function connect(host: string): Connection {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("ssh", {
      args: [...OPTIONS, host, "exec /bin/sh"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A Ctrl-C is for the controller alone.
      detached: true,
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SshError("ssh is not installed on the controller's computer");
  }
  const connection: Connection = {
    child,
    writer: child.stdin.getWriter(),
    text: "",
    stderr: "",
    ended: false,
    changed: () => {},
  };
  const pump = async (stream: ReadableStream<Uint8Array>, add: (text: string) => void) => {
    const decoder = new TextDecoder();
    try {
      for await (const bytes of stream) {
        add(decoder.decode(bytes, { stream: true }));
        connection.changed();
      }
    } catch {
      // its end tells more
    }
  };
  const pumps = [
    pump(child.stdout, (text) => connection.text += text),
    pump(
      child.stderr,
      (text) => connection.stderr = (connection.stderr + text).slice(-STDERR_CHARS),
    ),
  ];
  Promise.all([child.status, ...pumps]).then(() => {
    connection.ended = true;
    connection.changed();
  });
  child.unref();
  return connection;
}

function close(connection: Connection): void {
  connection.writer.close().catch(() => {});
  try {
    connection.child.kill("SIGKILL");
  } catch {
    // it has ended
  }
}

/** Opens nothing before the first question. */
export function createSshShell(host: string): SshShell {
  let connection: Connection | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let over = false;

  function drop(): void {
    if (connection !== undefined) close(connection);
    connection = undefined;
  }

  async function ask(script: string): Promise<string> {
    if (over) throw new SshError("closed");
    const to = connection ??= connect(host);
    const mark = `end-${crypto.randomUUID()}`;
    const deadline = performance.now() + ANSWER_MS;
    to.text = "";
    to.stderr = "";
    try {
      // What the script starts must not read the next question.
      const text = `{ ${script}\n} </dev/null\nprintf '\\n%s\\n' ${mark}\n`;
      const written = to.writer.write(new TextEncoder().encode(text)).catch(() => {});
      for (;;) {
        const at = to.text.indexOf(`\n${mark}\n`);
        if (at >= 0) return to.text.slice(0, at);
        const left = deadline - performance.now();
        if (to.ended) {
          const said = to.stderr.trim().split("\n").at(-1)?.trim() ?? "";
          throw new SshError(said === "" ? "the connection was closed" : said);
        }
        if (left <= 0) throw new SshError(`no answer in ${ANSWER_MS / 1000} s`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          to.changed = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        await written;
      }
    } catch (error) {
      drop();
      throw error instanceof SshError ? error : new SshError(words(error));
    }
  }

  return {
    host,
    run(script) {
      const answer = last.then(() => ask(script));
      last = answer.catch(() => {});
      return answer;
    },
    [Symbol.dispose]() {
      over = true;
      drop();
    },
  };
}
