/**
 * The library of abcd: join a hub, send messages, ask, listen.
 *
 * ```ts
 * import { connect } from "@abcd/abcd";
 *
 * await using client = await connect({ name: "hv" });
 * client.on("set", (message) => console.log(message.channel, message.volts));
 * client.send({ topic: "hv/state", cmd: "state", on: true });
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
