// Being in the hub: the loop that finds it, joins, stays until the connection is lost, and joins again.

import { BEACON_PORT, REJOIN_MAX_SEC, REJOIN_SEC } from "../defaults.ts";
import { computerName, environment } from "../environment.ts";
import { findKey } from "../keys/key_file.ts";
import type { Log } from "../log_contract.ts";
import {
  type InitMessage,
  isClientName,
  type Message,
  MessageError,
  type WelcomeMessage,
} from "../message.ts";
import { findAuthorities } from "../tls/authorities.ts";
import { VERSION } from "../version.ts";
import { holdConnection } from "./connection.ts";
import type { ConnectOptions, JoinedHub } from "./contract.ts";
import { type HubAddress, parseAddress } from "./find_hub.ts";
import { createHubChoice, type Refusal } from "./hub_choice.ts";
import type { HubSocket } from "./hub_socket.ts";
import { introduce, NO_KEY_TO_CHECK, UNPROVEN } from "./introduction.ts";
import { pause } from "../pause.ts";

/** A joining that lasted this long is a success: the delays start small again. */
const STEADY_SEC = 1;

/** What a membership tells the client. */
export interface MembershipEvents {
  /** Not in the hub, and why. */
  searching(reason: string): void;
  /** The hub did not take us in; it is tried again. */
  refused(refusal: Refusal): void;
  /** In the hub at this `host:port`; `socket` is the connection until `lost`. */
  joined(welcome: WelcomeMessage, address: string, socket: HubSocket): void;
  /** A message after that; returns why the hub is going to close, if this says so. */
  message(message: Message): string | undefined;
  /** The connection is gone, and a new one is tried. */
  lost(reason: string): void;
  /** Something came that is no message. */
  error(error: unknown, what: string): void;
}

/** A place in the hub that is kept. */
export interface Membership {
  /** The name that it has, or asks for. */
  readonly name: string;
  /** Whether it is in the hub now. */
  readonly joined: boolean;
  /** The hub that it is in, or was in last. */
  readonly hub: JoinedHub | undefined;
  /** Leaves for good; resolves when the connection has ended. Idempotent. */
  leave(): Promise<void>;
}

/** The name of the program's file, if it can be a client's. */
function programName(): string {
  const file = Deno.mainModule.slice(Deno.mainModule.lastIndexOf("/") + 1);
  const name = file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-").replace(/^_+/, "");
  return isClientName(name) ? name : "client";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Joins the hub and keeps in it. It begins in the next turn, so that listeners can be there before
 * anything happens.
 *
 * @throws {MessageError} If the name cannot be one.
 * @throws {TypeError} If the server's address cannot be read, or the options contradict each other.
 * @throws {Error} If there is a key that cannot be used.
 */
export function createMembership(
  options: ConnectOptions,
  events: MembershipEvents,
  log: Log,
): Membership {
  const server = options.server ?? environment("ABCD_SERVER");
  const choice = createHubChoice({
    server: server === undefined ? undefined : parseAddress(server),
    beaconPort: options.beaconPort ?? Number(environment("ABCD_BEACON_PORT") ?? BEACON_PORT),
    hub: options.hub,
    several: options.several,
    log,
    searching: (reason) => events.searching(reason),
    refused: (refusal) => events.refused(refusal),
  });
  const wantedName = options.name ?? environment("ABCD_NAME") ?? programName();
  if (options.durable && options.unique) {
    throw new TypeError("Cannot join as durable and unique: mail is for one name");
  }
  if (!isClientName(wantedName)) {
    throw new MessageError(
      "name-invalid",
      `Cannot join as "${wantedName}": a name is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with _`,
      "name",
    );
  }
  // A file that cannot be used is said now; what is in it is seen anew at each attempt.
  findKey(options);
  findAuthorities(options);

  let name = wantedName;
  /** Whether a number may be put behind the name: not behind one that it has already. */
  let unique = options.unique ?? false;
  let hub: JoinedHub | undefined;
  let joined = false;
  /** Whether nothing was heard of who was asked last: TLS may be spoken there, or not be. */
  let isMute = false;
  /** Whether another hub is to be tried than the last. */
  let isPassedOver = false;
  /** Hubs with another key that are to be joined all the same: without showing ours. */
  const keyless = new Set<string>();
  const over = new AbortController();
  const { signal } = over;

  function init(): InitMessage {
    return {
      cmd: "_init",
      name,
      ...(unique ? { unique: true } : {}),
      ...(options.durable ? { durable: true } : {}),
      info: {
        program: programName(),
        version: VERSION,
        host: computerName(),
        pid: Deno.pid,
        ...options.info,
      },
    };
  }

  function refused(refusal: Refusal): void {
    const { code, text } = refusal;
    if (code === "name-taken" && !unique && options.unique) {
      // The name it had is somebody else's now: back to asking for a new one.
      unique = true;
      name = wantedName;
    }
    log.warn(`The hub refused: ${text}`, { code });
    events.refused(refusal);
  }

  /** Joins, and resolves to the reason once it is over. */
  async function stay(address: HubAddress): Promise<string> {
    const where = `${address.host}:${address.port}`;
    const found = keyless.has(where) ? undefined : findKey(options);
    if (found === undefined && options.open === false) throw new Error(NO_KEY_TO_CHECK);
    isMute = true;
    return await holdConnection(address, findAuthorities(options), {
      init: ({ address, certificate }) => {
        const { open, hub } = options;
        const introduction = introduce({ found, open, name, address, certificate, hub });
        return { message: { ...init(), ...introduction.fields }, introduction };
      },
      welcomed: (welcome, socket, proven) => {
        name = welcome.name;
        unique = false;
        hub = { name: welcome.hub, address: where, proven };
        joined = true;
        events.joined(welcome, where, socket);
      },
      refused: (code, text, proven) => {
        isMute = false;
        if (code === UNPROVEN && options.open === true && found !== undefined) {
          log.warn(`Joins ${where} without a key: ${text}`);
          keyless.add(where);
          return;
        }
        keyless.delete(where);
        const mayBeFalse = !proven && found !== undefined && code !== "shutting-down";
        if (mayBeFalse && choice.passOver(where, { code, text })) {
          isPassedOver = true;
          log.warn(`Did not join ${where}: ${text}`, { code });
        } else refused({ code, text });
      },
      message: (message) => events.message(message),
      error: (error, what) => events.error(error, what),
    }, signal);
  }

  async function run(): Promise<void> {
    let delay = REJOIN_SEC;
    let said = "";
    while (!signal.aborted) {
      const start = performance.now();
      isMute = isPassedOver = false;
      let reason: string;
      try {
        const address = await choice.next(signal);
        if (signal.aborted) break;
        reason = await stay(address);
      } catch (error) {
        reason = textOf(error);
      }
      if (signal.aborted) break;
      const wasSteady = performance.now() - start > STEADY_SEC * 1000 && joined;
      // However many hubs of others are heard, our own does not have to wait long for its turn.
      if (wasSteady || isPassedOver) delay = REJOIN_SEC;
      if (joined) {
        joined = false;
        log.warn(`Lost the hub: ${reason}`);
        events.lost(reason);
      } else if (isMute && await choice.learnTls(signal)) {
        continue;
      } else if (reason !== said) {
        said = reason;
        log.info(`Cannot join the hub yet: ${reason}`);
        events.searching(reason);
      }
      await pause(delay * 1000 * (0.5 + Math.random() / 2), signal);
      delay = Math.min(REJOIN_MAX_SEC, delay * 2);
    }
  }

  const running = Promise.resolve().then(run);
  return {
    get name() {
      return name;
    },
    get joined() {
      return joined;
    },
    get hub() {
      return hub;
    },
    async leave() {
      over.abort();
      await running;
      joined = false;
    },
  };
}
