// The simulated instruments as programs of an experiment: what each publishes, what it answers.
// The physics of each is in a file of its own.

import type { JsonObject, Message } from "../message.ts";
import { exposeCcd, frameStatistics, imageFile } from "./ccd.ts";
import { CRYO_RANGE, cryoWord, startCryo, stepCryo } from "./cryocooler.ts";
import { encodeFits } from "./fits.ts";
import { channelOf, hvWord, setHv, startHv, stepHv } from "./high_voltage.ts";
import { countMuons } from "./muon.ts";
import { readGauge } from "./pressure.ts";
import type { Random } from "./random.ts";

type Fields = JsonObject;

/** What was measured: published, and printed as one line. */
export interface Measurement {
  readonly fields: Fields;
  readonly line: string;
  /** How the instrument is now, in a word and in words. */
  readonly status: readonly [state: string, text: string];
}

/** A simulated instrument. */
export interface Instrument {
  /** The command of what it publishes, on topic `NAME/what`. */
  readonly what: string;
  /** Measures this often by itself, in seconds. */
  readonly period: number;
  /** What it says when a measurement begins that takes a while. */
  readonly begins?: string;
  /** Measures, so many seconds after the last time. */
  measure(seconds: number): Measurement | Promise<Measurement>;
  /** What it answers to, by command. A handler throws a RangeError for what cannot be done. */
  readonly answers: { readonly [cmd: string]: (message: Message) => Fields };
  /** What it does in data-taking runs. Default: nothing. */
  readonly runs?: {
    /**
     * @returns How often it measures in the run, in seconds. Default: as ever.
     * @throws {RangeError} If it cannot take data as asked.
     */
    start(run: SimulatedRun): number | undefined;
    stop(): void;
    isOn(): boolean;
  };
  /** Brings itself into the state in which nothing can be harmed, or may leave it. */
  readonly safe?: (isSafe: boolean) => void;
}

/** A run as an instrument sees it. */
export interface SimulatedRun {
  readonly run: number;
  readonly label: string;
  readonly config: JsonObject;
}

/** What an instrument is made with; it takes what concerns it. */
export interface Settings {
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

/** What a FITS header can hold of a text. */
function asciiOf(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 60);
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
    throw new Error(`Cannot use the folder ${folder}: ${why}`, { cause: error });
  }
  let current: SimulatedRun | undefined;
  return {
    what: "image",
    period: 10,
    begins: "exposing",
    answers: {},
    runs: {
      start(run) {
        const { exposure } = run.config;
        if (exposure !== undefined && !(typeof exposure === "number" && exposure > 0)) {
          throw new RangeError(`Cannot expose for ${JSON.stringify(exposure)} s`);
        }
        current = run;
        return exposure;
      },
      stop: () => current = undefined,
      isOn: () => current !== undefined,
    },
    async measure(seconds) {
      number++;
      const pixels = exposeCcd({ width, height }, seconds, random);
      const { mean, sigma } = frameStatistics(pixels);
      const header = {
        "DATE-OBS": new Date().toISOString().slice(0, -1),
        EXPTIME: round(seconds, 3),
        INSTRUME: name,
        IMAGE: number,
        ...(current === undefined ? {} : { RUNNUM: current.run, RUNLABEL: asciiOf(current.label) }),
      };
      const run = current?.run;
      const file = `${folder}/${imageFile(name, number)}`;
      // Under its own name only when whole: who sees the file can read it.
      await Deno.writeFile(`${file}.part`, encodeFits({ width, height, pixels, header }));
      await Deno.rename(`${file}.part`, file);
      const fields = { file, image: number, mean: round(mean, 2), sigma: round(sigma, 2), run };
      return {
        fields,
        line: `${
          run === undefined ? "" : `run ${run}, `
        }${file}: mean ${fields.mean}, sigma ${fields.sigma}`,
        status: ["exposing", `the last is image ${number}, sigma ${fields.sigma}`],
      };
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
    what: "monit",
    period: 1,
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
        line: `temperature ${temperature} K, power ${power} W, setpoint ${setpoint} K`,
        status: [cryoWord(state), `${temperature.toFixed(1)} K of ${setpoint} K`],
      };
    },
  };
}

function pressure({ random }: Settings): Instrument {
  let age = 0;
  return {
    what: "monit",
    period: 1,
    answers: {},
    measure(seconds) {
      age += seconds;
      const value = Number(readGauge(age, random).toPrecision(4));
      return {
        fields: { pressure: value },
        line: `pressure ${value.toExponential(3)} mbar`,
        status: ["measuring", `${value.toExponential(1)} mbar`],
      };
    },
  };
}

function hv(): Instrument {
  let state = startHv();
  let isOff = false;
  const shown = () =>
    state.map(({ voltage, target }, channel) => ({ channel, voltage: round(voltage, 3), target }));
  return {
    what: "monit",
    period: 1,
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
        if (isOff && voltage > 0) throw new RangeError("Cannot set it: the experiment is safe");
        state = setHv(state, channel, voltage);
        return { channel, voltage };
      },
    },
    // No bias on anything that may be warming up.
    safe(isSafe) {
      isOff = isSafe;
      if (isSafe) state = state.map(({ voltage }) => ({ voltage, target: 0 }));
    },
    measure(seconds) {
      state = stepHv(state, seconds);
      const channels = shown();
      return {
        fields: { channels },
        line: channels.map(({ channel, voltage }) => `channel ${channel}: ${voltage} V`).join(", "),
        status: [
          hvWord(state),
          channels.map(({ voltage }) => voltage.toFixed(0)).join(", ") + " V",
        ],
      };
    },
  };
}

function muon({ random }: Settings): Instrument {
  let total = 0;
  let counted = 0;
  return {
    what: "counts",
    period: 10,
    answers: { get: () => ({ seconds: round(counted, 3), coincidences: total }) },
    measure(seconds) {
      const { singles, coincidences } = countMuons(seconds, random);
      counted += seconds;
      total += coincidences;
      const rate = round(coincidences / seconds, 3);
      return {
        fields: { seconds: round(seconds, 3), singles, coincidences, rate },
        line: `singles ${singles.join(" and ")}, coincidences ${coincidences} in ${
          seconds.toFixed(1)
        } s`,
        status: ["counting", `${(total / counted).toFixed(2)} muons per second`],
      };
    },
  };
}

/** The instruments there are, by the name on the command line. */
export const INSTRUMENTS: {
  readonly [kind: string]: (settings: Settings) => Instrument | Promise<Instrument>;
} = { ccd, cryo, pressure, hv, muon };
