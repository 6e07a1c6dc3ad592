// Runs a simulated instrument: it measures, prints, publishes, answers; and fails, if it is to.

import type { Client } from "../client.ts";
import { doFault, type Fault } from "./fault.ts";
import type { Instrument } from "./instruments.ts";
import { pause } from "../pause.ts";

/** Options of {@linkcode simulate}. */
export interface SimulateOptions {
  readonly instrument: Instrument;
  readonly client: Client;
  /** Measure this often, in seconds. */
  readonly period: number;
  /** How to fail. Default: not at all. */
  readonly fault?: Fault;
  /** Fail this long after the start, in seconds. */
  readonly faultAfter: number;
  /** Takes each line that is printed. */
  readonly write: (line: string) => void;
  /** Takes what went wrong and is no reason to end. */
  readonly warn: (text: string) => void;
  readonly stop: AbortSignal;
}

/** Answers what is asked of the instrument, to who asked. */
function answer(client: Client, { answers }: Instrument) {
  for (const [cmd, handler] of Object.entries(answers)) {
    client.on(cmd, (message) => {
      if (message.from === undefined) return;
      const to = { to: message.from, re: message.id };
      try {
        const fields = handler(message);
        client.send({ ...fields, cmd: cmd === "get" ? "value" : "ok", ...to });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        client.send({ cmd: "error", text: error.message, ...to });
      }
    });
  }
}

/** The run that an instrument is in, as its loop has to know it. */
interface RunLoop {
  /** Measure this often, in seconds. */
  period: number;
  /** What is being measured began before the run: it is thrown away. */
  isStale: boolean;
  /** Those who wait for the measurement that is under way. */
  readonly waiting: (() => void)[];
  /** Ends the pause before the next measurement. */
  cut: AbortController;
}

/** Answers what is said of data-taking runs. */
function answerRuns(client: Client, { runs, safe }: Instrument, loop: RunLoop, period: number) {
  client.answer("run-start", ({ run, label, config, again }) => {
    loop.period = runs?.start({ run, label, config }) ?? period;
    if (again !== true) loop.isStale = true;
    loop.cut.abort();
  });
  client.answer("run-stop", async () => {
    if (runs === undefined) return;
    // What was exposed so far is read out: the answer means that all is on the disk.
    if (runs.isOn()) {
      await new Promise<void>((resolve) => {
        loop.waiting.push(resolve);
        loop.cut.abort();
      });
    }
    runs.stop();
    loop.period = period;
  });
  client.answer("safe", () => safe?.(true));
  client.answer("safe-end", () => safe?.(false));
}

/** Runs until `stop`, or until its fault ends it; resolves to the exit code. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const { instrument, client, period, fault, write, stop } = options;
  const over = new AbortController();
  const end = () => over.abort();
  stop.addEventListener("abort", end);
  if (stop.aborted) end();
  let code = 0;
  answer(client, instrument);
  const loop: RunLoop = { period, isStale: false, waiting: [], cut: new AbortController() };
  answerRuns(client, instrument, loop, period);
  const failing = fault === undefined ? undefined : (async () => {
    await pause(options.faultAfter * 1000, over.signal);
    if (over.signal.aborted) return;
    await doFault(fault, {
      stop: over.signal,
      write,
      exit(with_) {
        code = with_;
        end();
      },
      crash: (error) =>
        setTimeout(() => {
          throw error;
        }, 0),
      hang: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    });
  })();

  try {
    const { begins } = instrument;
    client.status(begins ?? "starting", "the first measurement");
    let last = performance.now();
    for (;;) {
      if (begins !== undefined) write(`${begins} for ${loop.period} s`);
      loop.cut = new AbortController();
      if (loop.waiting.length > 0) loop.cut.abort();
      await pause(loop.period * 1000, AbortSignal.any([over.signal, loop.cut.signal]));
      if (over.signal.aborted) break;
      const now = performance.now();
      if (loop.isStale) {
        loop.isStale = false;
        last = now;
        continue;
      }
      const { fields, line, status } = await instrument.measure((now - last) / 1000);
      last = now;
      for (const done of loop.waiting.splice(0)) done();
      write(line);
      client.status(...status);
      try {
        client.send({
          ...fields,
          cmd: instrument.what,
          topic: `${client.name}/${instrument.what}`,
        });
      } catch (error) {
        // The hub is away for long, and what waits for it is full: measuring goes on.
        options.warn(error instanceof Error ? error.message : String(error));
      }
    }
  } finally {
    end();
    stop.removeEventListener("abort", end);
    await failing;
  }
  return code;
}
