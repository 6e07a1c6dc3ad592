// A shell on another computer, kept open through ssh: a question is a piece of shell script, its
// answer what that writes. When the connection breaks the next question opens another one.

import { afterPatience } from "../patience.ts";

/** A shell on another computer. */
export interface SshShell extends Disposable {
  readonly host: string;
  /**
   * Runs a script there, one at a time, and resolves to what it wrote on standard output.
   *
   * @throws {SshError} If it cannot be known that it ran to its end. It may have run.
   */
  run(script: string): Promise<string>;
  /**
   * Begins a script there and lets it go on beside all that is asked meanwhile; resolves to its exit
   * code, or to `undefined` if it has not ended by then. Its output is not brought over.
   *
   * @param timeoutSec How long it is waited for, in seconds; there it goes on.
   * @throws {SshError} If it cannot be known how it ended. It may have run.
   */
  begin(script: string, timeoutSec: number): Promise<number | undefined>;
  /**
   * The same for a question that may take its time; resolves to the first {@linkcode ASIDE_CHARS} of what
   * the script wrote on standard output.
   *
   * @throws {SshError} As `begin`.
   */
  aside(script: string, timeoutSec: number): Promise<string | undefined>;
}

/** Characters of the answer to a question that is asked aside: it has to come in one piece. */
export const ASIDE_CHARS = 1000;

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
  /** By its mark: what waits for a script that was begun. */
  readonly begun: Map<string, (said: string | typeof LOST) => void>;
}

const LOST = Symbol("lost");

/**
 * How a script that was begun says that it has ended, its code or its words: in one write, so that it
 * stands in one piece wherever in an answer it falls, and can be taken out of it. Its lines end with
 * the ASCII separator of records there.
 */
const BEGUN_ENDED = /\n@begun ([0-9a-f-]{36}) ([^\n]*)@\n/g;

function takeBegun(connection: Connection): void {
  connection.text = connection.text.replaceAll(BEGUN_ENDED, (_, mark: string, said: string) => {
    connection.begun.get(mark)?.(said.replaceAll("\x1e", "\n"));
    return "";
  });
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
    begun: new Map(),
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
    pump(child.stdout, (text) => {
      connection.text += text;
      // Also of one that nobody waits for any more: it must not stand in an answer.
      if (connection.text.includes("\n@begun ")) takeBegun(connection);
    }),
    pump(
      child.stderr,
      (text) => connection.stderr = (connection.stderr + text).slice(-STDERR_CHARS),
    ),
  ];
  Promise.all([child.status, ...pumps]).then(() => {
    connection.ended = true;
    connection.changed();
    for (const tell of connection.begun.values()) tell(LOST);
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
    let isLate = false;
    const end = afterPatience(ANSWER_MS, () => {
      isLate = true;
      to.changed();
    });
    to.stderr = "";
    try {
      // What the script starts must not read the next question.
      const text = `{ ${script}\n} </dev/null\nprintf '\\n%s\\n' ${mark}\n`;
      const written = to.writer.write(new TextEncoder().encode(text)).catch(() => {});
      for (;;) {
        const at = to.text.indexOf(`\n${mark}\n`);
        if (at >= 0) {
          const answer = to.text.slice(0, at);
          to.text = to.text.slice(at + mark.length + 2);
          return answer;
        }
        if (to.ended) {
          const said = to.stderr.trim().split("\n").at(-1)?.trim() ?? "";
          throw new SshError(said === "" ? "the connection was closed" : said);
        }
        if (isLate) throw new SshError(`no answer in ${ANSWER_MS / 1000} s`);
        await new Promise<void>((resolve) => to.changed = resolve);
        await written;
      }
    } catch (error) {
      drop();
      throw error instanceof SshError ? error : new SshError(words(error));
    } finally {
      end();
    }
  }

  /** One after the other. */
  function inTurn<T>(question: () => Promise<T>): Promise<T> {
    const answer = last.then(question);
    last = answer.catch(() => {});
    return answer;
  }

  /** Begins a script that leaves in `said` what it has to say, which is told when it has ended. */
  async function beside(script: string, timeoutSec: number): Promise<string | undefined> {
    const mark = crypto.randomUUID();
    const ended = Promise.withResolvers<string | typeof LOST | undefined>();
    const to = await inTurn(async () => {
      if (over) throw new SshError("closed");
      const to = connection ??= connect(host);
      to.begun.set(mark, ended.resolve);
      await ask(`{ ${script}\nprintf '\\n@begun %s %s@\\n' ${mark} "$said"; } &`);
      return to;
    });
    const end = afterPatience(timeoutSec * 1000, () => ended.resolve(undefined));
    const said = await ended.promise;
    end();
    to.begun.delete(mark);
    if (said === LOST) throw new SshError("the connection was closed");
    return said;
  }

  return {
    host,
    run: (script) => inTurn(() => ask(script)),
    async begin(script, timeoutSec) {
      const said = await beside(`( ${script}\n) >/dev/null 2>&1\nsaid=$?`, timeoutSec);
      return said === undefined ? undefined : Number(said);
    },
    aside(script, timeoutSec) {
      const cut = `head -c ${ASIDE_CHARS} | tr '\\n' '\\036'`;
      return beside(`said=$( ( ${script}\n) 2>/dev/null | ${cut} )`, timeoutSec);
    },
    [Symbol.dispose]() {
      over = true;
      drop();
    },
  };
}
