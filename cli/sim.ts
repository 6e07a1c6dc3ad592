// abcd sim: a simulated instrument that is a client of the hub, and prints what it measures.

import { type Client, createClient } from "../lib/client.ts";
import { isClientName, type JsonObject, type Message } from "../lib/message.ts";
import { exposeCcd, frameStatistics, imageFile } from "../lib/sim/ccd.ts";
import { CRYO_RANGE, startCryo, stepCryo } from "../lib/sim/cryocooler.ts";
import { doFault, parseFault } from "../lib/sim/fault.ts";
import { encodeFits } from "../lib/sim/fits.ts";
import { channelOf, setHv, startHv, stepHv } from "../lib/sim/high_voltage.ts";
import { readGauge } from "../lib/sim/pressure.ts";
import { type Random, seeded } from "../lib/sim/random.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { CLIENT_OPTIONS, logFrom } from "./common.ts";
import { nearest } from "./parse.ts";

type Fields = JsonObject;

/** What was measured: published under the topic's last part, and printed. */
interface Measurement {
  readonly fields: Fields;
  readonly line: string;
}

interface Instrument {
  /** First part of its topics. */
  readonly family: string;
  /** Last part of its topic, and the command of what it publishes. */
  readonly what: string;
  /** Measures, so many seconds after the last time. */
  measure(seconds: number): Measurement | Promise<Measurement>;
  /** What it answers to, by command. A handler throws a RangeError for what cannot be done. */
  readonly answers: { readonly [cmd: string]: (message: Message) => Fields };
}

interface Settings {
  readonly name: string;
  readonly random: Random;
  readonly folder: string;
  readonly width: number;
  readonly height: number;
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

function numberOf(message: Message, field: string): number {
  const value = message[field];
  if (typeof value !== "number") throw new RangeError(`Cannot read "${field}": it is no number`);
  return value;
}

/** The highest number of an image of this name in the folder: a restart writes over none. */
async function lastImage(folder: string, name: string): Promise<number> {
  let last = 0;
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.name.startsWith(`${name}_`)) continue;
    const digits = /^(\d{5,})\.fits$/.exec(entry.name.slice(name.length + 1))?.[1];
    if (digits !== undefined) last = Math.max(last, Number(digits));
  }
  return last;
}

async function ccd({ name, random, folder, width, height }: Settings): Promise<Instrument> {
  let number: number;
  try {
    await Deno.mkdir(folder, { recursive: true });
    number = await lastImage(folder, name);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot use the folder ${folder}: ${why}`);
  }
  return {
    family: "ccd",
    what: "image",
    answers: {},
    async measure(seconds) {
      number++;
      const pixels = exposeCcd({ width, height }, seconds, random);
      const { mean, sigma } = frameStatistics(pixels);
      const header = {
        "DATE-OBS": new Date().toISOString().slice(0, -1),
        EXPTIME: round(seconds, 3),
        INSTRUME: name,
        IMAGE: number,
      };
      const file = `${folder}/${imageFile(name, number)}`;
      // Under its own name only when whole: who sees the file can read it.
      await Deno.writeFile(`${file}.part`, encodeFits({ width, height, pixels, header }));
      await Deno.rename(`${file}.part`, file);
      const fields = { file, image: number, mean: round(mean, 2), sigma: round(sigma, 2) };
      return { fields, line: `${file} mean ${fields.mean} sigma ${fields.sigma}` };
    },
  };
}

function cryo(): Instrument {
  let state = startCryo();
  const fields = () => ({
    temperature: round(state.temperature, 3),
    power: round(state.power, 3),
    setpoint: state.setpoint,
  });
  return {
    family: "cryo",
    what: "monit",
    answers: {
      get: fields,
      set(message) {
        const setpoint = numberOf(message, "setpoint");
        const { least, most } = CRYO_RANGE;
        if (!(setpoint >= least && setpoint <= most)) {
          throw new RangeError(`Cannot set ${setpoint} K: the cooler takes ${least} to ${most} K`);
        }
        state = { ...state, setpoint };
        return { setpoint };
      },
    },
    measure(seconds) {
      state = stepCryo(state, seconds);
      const { temperature, power, setpoint } = fields();
      return {
        fields: { temperature, power, setpoint },
        line: `temperature ${temperature} K power ${power} W setpoint ${setpoint} K`,
      };
    },
  };
}

function pressure({ random }: Settings): Instrument {
  let age = 0;
  return {
    family: "pressure",
    what: "monit",
    answers: {},
    measure(seconds) {
      age += seconds;
      const value = Number(readGauge(age, random).toPrecision(4));
      return { fields: { pressure: value }, line: `pressure ${value.toExponential(3)} mbar` };
    },
  };
}

function hv(): Instrument {
  let state = startHv();
  const shown = () =>
    state.map(({ voltage, target }, channel) => ({ channel, voltage: round(voltage, 3), target }));
  return {
    family: "hv",
    what: "monit",
    answers: {
      get(message) {
        if (message.channel === undefined) return { channels: shown() };
        const channel = numberOf(message, "channel");
        const { voltage, target } = channelOf(state, channel);
        return { channel, voltage: round(voltage, 3), target };
      },
      set(message) {
        const channel = numberOf(message, "channel");
        const voltage = numberOf(message, "voltage");
        state = setHv(state, channel, voltage);
        return { channel, voltage };
      },
    },
    measure(seconds) {
      state = stepHv(state, seconds);
      const channels = shown();
      return {
        fields: { channels },
        line: channels.map(({ channel, voltage }) => `channel ${channel} ${voltage} V`).join(" "),
      };
    },
  };
}

const INSTRUMENTS: {
  readonly [kind: string]: (settings: Settings) => Instrument | Promise<Instrument>;
} = { ccd, cryo, pressure, hv };

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

/** Waits; no longer than until the signal. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    signal.addEventListener("abort", end);
  });
}

const OPTIONS = {
  name: {
    type: "text",
    value: "NAME",
    env: "ABCD_NAME",
    help: "the client's name; default: the instrument's",
  },
  period: {
    type: "seconds",
    value: "SECONDS",
    help: "measure this often; default: 10 for ccd, 1 for the others",
  },
  folder: { type: "text", value: "FOLDER", default: ".", help: "where a ccd writes its images" },
  width: { type: "number", value: "PIXELS", default: 256, help: "pixels in a row of a ccd" },
  height: { type: "number", value: "PIXELS", default: 128, help: "rows of a ccd" },
  seed: {
    type: "number",
    value: "NUMBER",
    help: "same seed, same noise; default: another each time",
  },
  fault: { type: "text", value: "FAULT", help: "fail like this: crash, hang, flood, exit=CODE" },
  "fault-after": {
    type: "seconds",
    value: "SECONDS",
    default: 10,
    help: "fail this long after the start",
  },
  ...CLIENT_OPTIONS,
} as const;

/** `abcd sim INSTRUMENT`. */
export default defineCommand({
  name: "sim",
  summary: "Simulate an instrument: a CCD, a cryocooler, a vacuum gauge, a high-voltage supply",
  usage: "INSTRUMENT",
  arity: [1, 1],
  description:
    `INSTRUMENT is one of ccd, cryo, pressure, hv. It prints one line for each measurement, \
and publishes it if there is a hub; without a hub it goes on alone.

ccd writes NAME_00001.fits and so on, and publishes ccd/NAME/image; the others publish \
cryo/NAME/monit, pressure/NAME/monit, hv/NAME/monit.

cryo answers "set" with "setpoint" in kelvin, and "get". hv answers "set" with "channel" and \
"voltage", and "get" with or without "channel".`,
  options: OPTIONS,
  examples: [
    ["abcd sim cryo --name cryo", "a cryocooler that cools down to 130 K"],
    ["abcd sim ccd --name ccd1 --period 30 --folder images", "an image every 30 seconds"],
    ["abcd sim hv --fault hang --fault-after 1m", "a supply that is stuck after a minute"],
  ],
  async run({ options, args, stop }) {
    const kind = args[0] ?? "";
    const make = Object.hasOwn(INSTRUMENTS, kind) ? INSTRUMENTS[kind] : undefined;
    if (make === undefined) {
      const known = Object.keys(INSTRUMENTS);
      const near = nearest(kind, known);
      throw new UsageError(
        `Cannot simulate "${kind}": it is not one of ${known.join(", ")}` +
          (near === undefined ? "" : `; did you mean ${near}?`),
      );
    }
    const name = options.name ?? kind;
    if (!isClientName(name)) throw new UsageError(`Cannot take the name "${name}"`);
    const period = options.period ?? (kind === "ccd" ? 10 : 1);
    if (period <= 0) throw new UsageError("Cannot measure every 0 seconds: give --period");
    const { width, height, folder } = options;
    for (const [option, value] of Object.entries({ width, height })) {
      if (!Number.isInteger(value) || value < 1 || value > 20000) {
        throw new UsageError(`Cannot take --${option} ${value}: it is not 1 to 20000 pixels`);
      }
    }
    const fault = options.fault === undefined ? undefined : parseFault(options.fault);
    if (options.fault !== undefined && fault === undefined) {
      throw new UsageError(
        `Cannot read --fault: "${options.fault}" is not crash, hang, flood or exit=CODE`,
      );
    }
    const random = seeded(options.seed ?? Math.floor(Math.random() * 2 ** 32));
    const instrument = await make({ name, random, folder, width, height });

    const over = new AbortController();
    const end = () => over.abort();
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
    let code: number = EXIT.done;
    const log = logFrom(name, { "log-level": "info", "log-file": undefined });
    const client = createClient({
      name,
      server: options.server,
      hub: options.hub,
      beaconPort: options["beacon-port"],
      log,
    });
    answer(client, instrument);
    const failing = fault === undefined ? undefined : (async () => {
      await pause(options["fault-after"], over.signal);
      if (over.signal.aborted) return;
      await doFault(fault, {
        stop: over.signal,
        write: (line) => console.log(line),
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
      let last = performance.now();
      for (;;) {
        await pause(period, over.signal);
        if (over.signal.aborted) break;
        const now = performance.now();
        const { fields, line } = await instrument.measure((now - last) / 1000);
        last = now;
        console.log(line);
        const topic = `${instrument.family}/${name}/${instrument.what}`;
        try {
          client.send({ ...fields, cmd: instrument.what, topic });
        } catch (error) {
          // The hub is away for long, and what waits for it is full: measuring goes on.
          log.warn(error instanceof Error ? error.message : String(error));
        }
      }
    } finally {
      end();
      stop.removeEventListener("abort", end);
      await failing;
      await client.close();
    }
    return code;
  },
});
