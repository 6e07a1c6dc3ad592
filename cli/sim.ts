// abcd sim: a simulated instrument that is a client of the hub, and prints what it measures.

import { createClient } from "../lib/client.ts";
import { serveLogLevel } from "../lib/log_level.ts";
import { isClientName } from "../lib/message.ts";
import { parseFault } from "../lib/sim/fault.ts";
import { INSTRUMENTS } from "../lib/sim/instruments.ts";
import { seeded } from "../lib/sim/random.ts";
import { simulate } from "../lib/sim/simulate.ts";
import { defineCommand, UsageError } from "./command.ts";
import { hubFrom, logFrom, nameError } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { nearest } from "../lib/nearest.ts";

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
    help: "measure this often; default: 10 for ccd and muon, 1 for the others",
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
  summary: "simulate an instrument: a CCD, a cryocooler, a gauge, high voltage, a muon telescope",
  usage: "INSTRUMENT",
  arity: [1, 1],
  description:
    `INSTRUMENT is one of ccd, cryo, pressure, hv, muon. It prints one line for each measurement, \
and publishes it if there is a hub; without a hub it goes on alone.

ccd writes NAME_00001.fits and so on, and publishes on topic NAME/image; muon, a telescope of two \
scintillators, on NAME/counts; the others on NAME/monit.

cryo answers "set" with "setpoint" in kelvin, and "get". hv answers "set" with "channel" and \
"voltage", and "get" with or without "channel".

In a data-taking run ccd writes RUNNUM into the headers of its images, and exposes for "exposure" \
seconds if its "config" in the experiment file says so. hv ramps down when it is told "safe".`,
  options: OPTIONS,
  needs: ["net", "read", "write", "env", "sys"],
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
    if (!isClientName(name)) throw nameError(name);
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

    const period = options.period ?? instrument.period;
    if (period <= 0) throw new UsageError("Cannot measure every 0 seconds: give --period");
    const log = logFrom(name, { "log-level": "info", "log-file": undefined });
    await using client = createClient({
      name,
      ...hubFrom(options),
      info: { program: `abcd sim ${kind}` },
      log,
    });
    serveLogLevel(client, log);
    return await simulate({
      instrument,
      client,
      period,
      fault,
      faultAfter: options["fault-after"],
      write: (line) => console.log(line),
      warn: (text) => log.warn(text),
      stop,
    });
  },
});
