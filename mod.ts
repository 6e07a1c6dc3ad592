/**
 * The library of abcd: join a hub, send messages, ask, listen.
 *
 * A program joins under a name, and says how it is:
 *
 * ```ts
 * import { connect } from "@abcd/abcd";
 *
 * await using client = await connect({ name: "stage", timeoutSec: 30 });
 * client.status("ready", "at 0 mm");
 * client.send({ topic: "stage/monit", cmd: "monit", position: 0 });
 * await client.flush(); // all of it has gone through the hub
 * ```
 *
 * It answers what it is asked; what the handler throws goes back as `ok: false` and `text`:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { connect } from "@abcd/abcd";
 *
 * await using supply = await connect({ name: "supply", timeoutSec: 30 });
 * supply.answer("get", ({ channel }) => {
 *   if (channel !== 0) throw new Error("there is channel 0");
 *   return { volts: 70 };
 * });
 *
 * await using desk = await connect({ name: "desk", timeoutSec: 30 });
 * const answer = await desk.request({ to: "supply", cmd: "get", channel: 0 });
 * assertEquals(answer.volts, 70);
 * const refused = await desk.request({ to: "supply", cmd: "get", channel: 9 });
 * assertEquals([refused.ok, refused.text], [false, "there is channel 0"]);
 * ```
 *
 * It hears what is published, `+` for one level and `#` for all below, with the last value that was to
 * be kept:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { connect } from "@abcd/abcd";
 *
 * await using door = await connect({ name: "door", timeoutSec: 30 });
 * await door.deliver({ topic: "lab/door", cmd: "door", open: true, retain: true });
 *
 * await using desk = await connect({ name: "desk", timeoutSec: 30 });
 * const first = await new Promise((resolve) => {
 *   desk.subscribe("lab/+", ({ open }) => resolve(open));
 * });
 * assertEquals(first, true);
 * ```
 *
 * What must not be lost is delivered: it is on the hub's disk, and with its receiver or in the mailbox
 * that waits for it:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { connect } from "@abcd/abcd";
 *
 * {
 *   await using _logger = await connect({ name: "logger", durable: true, timeoutSec: 30 });
 * } // it has gone; what is sent to it waits
 * await using desk = await connect({ name: "desk", timeoutSec: 30 });
 * const receipt = await desk.deliver({ to: "logger", cmd: "note", text: "beam is off" });
 * assertEquals(receipt.mailbox, true);
 *
 * await using logger = await connect({ name: "logger", durable: true, timeoutSec: 30 });
 * const text = await new Promise((resolve) => logger.on("note", (note) => resolve(note.text)));
 * assertEquals(text, "beam is off");
 * ```
 *
 * A program that takes part in data-taking runs is told of them; an editor knows the fields:
 *
 * ```ts
 * import { connect, type RunStartMessage } from "@abcd/abcd";
 *
 * await using daq = await connect({ name: "daq", timeoutSec: 30 });
 * daq.answer("run-start", ({ run, label, config }: RunStartMessage) => {
 *   console.log(`run ${run} (${label}) starts with gain ${config.gain}`);
 * });
 * daq.answer("run-stop", ({ run, verdict }) => console.log(`run ${run} is ${verdict}`));
 * daq.addEventListener("lost", ({ reason }) => console.error(`the hub is away: ${reason}`));
 * ```
 *
 * @module
 */

export {
  type Answerer,
  BufferFullError,
  type Client,
  type ClientEvents,
  connect,
  type ConnectOptions,
  createClient,
  type Fields,
  type Handler,
  type KnownMessages,
  type Off,
  type Outgoing,
  type Receipt,
  RefusedError,
} from "./lib/client.ts";
export * from "./lib/message.ts";
export type { Log, LogFields, LogLevel } from "./lib/log_contract.ts";
export { VERSION } from "./lib/version.ts";
