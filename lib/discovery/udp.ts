// The only datagram sockets: a hub's announcements, and a client's ear for them.

import { HTTP_PORT } from "../defaults.ts";
import { type Log, NO_LOG } from "../log_contract.ts";
import { type Beacon, encodeBeacon, IamABCD, isIPv6, parseBeacon, WhereIsABCD } from "./beacon.ts";

/** Options of {@linkcode startBeacon}. */
export interface BeaconOptions {
  /** UDP port to send to. */
  beaconPort: number;
  /** Announce this often, in seconds; 0: never. */
  intervalSec: number;
  beacon: Omit<Beacon, "host">;
  /**
   * The address on which the hub listens; loopback is announced on loopback alone, one of IPv6 by IPv4 to
   * the network of the same interface.
   */
  bind: string;
  /** UDP port on which clients ask where a hub is, whatever its other ports are. Default 9819. */
  questionPort?: number;
  log?: Log;
}

/** A hub that was heard. */
export interface HeardHub extends Beacon {
  /** The address where it is: IPv6 in brackets. */
  readonly host: string;
}

/** A hub that is asked where it is gathers questions for this long, in milliseconds, and answers. */
const ANSWER_MS = 20;

const LOOPBACK_BROADCAST = "127.255.255.255";

/** The broadcast address of an IPv4 interface; `undefined` if one of the two is no IPv4 address. */
export function broadcastAddress(address: string, netmask: string): string | undefined {
  const mask = netmask.split(".").map(Number);
  const bytes = address.split(".").map(Number);
  if (mask.length !== 4 || bytes.length !== 4) return undefined;
  const result = bytes.map((byte, i) => byte | (~(mask[i] ?? 255) & 255));
  return result.every((byte) => byte >= 0 && byte <= 255) ? result.join(".") : undefined;
}

function interfaces(): Deno.NetworkInterfaceInfo[] {
  try {
    return Deno.networkInterfaces();
  } catch (error) {
    // A program of a user's may run without the permission to look: it hears beacons all the same.
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

/** Where to announce a hub that listens on `bind`. */
function targets(bind: string): Set<string> {
  const everywhere = bind === "0.0.0.0" || bind === "::";
  const loopback = bind.startsWith("127.") || bind === "::1";
  // A hub that listens on one address only would not answer on loopback.
  const found = new Set(everywhere || loopback ? [LOOPBACK_BROADCAST] : []);
  if (loopback) return found;
  const all = interfaces();
  const its = all.find(({ address }) => address === bind)?.name;
  for (const { family, name, address, netmask } of all) {
    if (family !== "IPv4" || address.startsWith("127.")) continue;
    if (!everywhere && (isIPv6(bind) ? name !== its : address !== bind)) continue;
    const broadcast = broadcastAddress(address, netmask);
    if (broadcast !== undefined && broadcast !== address) found.add(broadcast);
  }
  return found;
}

/**
 * Announces a hub: at once, then every `intervalSec` until it is disposed of. What goes wrong is
 * logged once for each address and tried again at the next turn, never thrown.
 */
export function startBeacon(options: BeaconOptions): AsyncDisposable {
  const { beaconPort, intervalSec, beacon, bind, questionPort = HTTP_PORT, log = NO_LOG } = options;
  if (intervalSec <= 0) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const onlyIPv6 = isIPv6(bind) && bind !== "::";
  const said = new Set<string>();
  let socket: Deno.DatagramConn | undefined;
  let turn: Promise<void> | undefined;
  let ended = false;

  function failed(where: string, error: unknown): void {
    if (ended || said.has(where)) return;
    said.add(where);
    const why = error instanceof Error ? error.message : String(error);
    log.warn(`Cannot announce the hub by UDP to ${where}: ${why}`);
  }

  async function announce(): Promise<void> {
    try {
      // libABCD 0.1 connects to where this comes from, which is IPv4.
      const forAll = onlyIPv6 ? [] : [new TextEncoder().encode(IamABCD)];
      const datagrams = [...forAll, encodeBeacon(onlyIPv6 ? { ...beacon, host: bind } : beacon)];
      // The interfaces are asked each time: cables are plugged in while the hub runs.
      const addresses = targets(bind);
      if (addresses.size === 0) {
        failed(`the network of ${bind}`, "it has no IPv4 broadcast address; clients need --server");
      }
      const out = socket ??= Deno.listenDatagram({
        hostname: "0.0.0.0",
        port: 0,
        transport: "udp",
      });
      for (const hostname of addresses) {
        for (const datagram of datagrams) {
          if (ended) return;
          try {
            await out.send(datagram, { hostname, port: beaconPort, transport: "udp" });
            said.delete(hostname);
          } catch (error) {
            failed(hostname, error);
          }
        }
      }
    } catch (error) {
      failed(`port ${beaconPort}`, error);
    }
  }

  // A turn that hangs is not joined by more of them.
  const next = () => turn ??= announce().finally(() => turn = undefined);
  next();

  // Best effort: without this port, who looks for the hub waits for its next turn. It is shared, so that
  // of several hubs on one computer all answer, and a tool that takes the first learns of the others.
  let questions: Deno.DatagramConn | undefined;
  let pause: ReturnType<typeof setTimeout> | undefined;
  async function answer(socket: Deno.DatagramConn): Promise<void> {
    const decoder = new TextDecoder();
    for await (const [datagram] of socket) {
      // Many may ask in a short time, as after a power cut: one announcement answers them all.
      if (pause !== undefined || decoder.decode(datagram) !== WhereIsABCD) continue;
      pause = setTimeout(() => {
        pause = undefined;
        next();
      }, ANSWER_MS);
    }
  }
  try {
    questions = Deno.listenDatagram({
      hostname: "0.0.0.0",
      port: questionPort,
      transport: "udp",
      reuseAddress: true,
    });
    answer(questions).catch((error) => failed(`UDP port ${questionPort}`, error));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.debug(`Cannot listen on UDP port ${questionPort} for who looks for the hub: ${why}`);
  }

  const timer = setInterval(next, intervalSec * 1000);
  return {
    async [Symbol.asyncDispose]() {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      clearTimeout(pause);
      questions?.close();
      await turn;
      socket?.close();
    },
  };
}

/** Asks all hubs that can hear it to announce themselves now. What fails is no matter: they will. */
async function askForHubs(socket: Deno.DatagramConn, port: number): Promise<void> {
  const datagram = new TextEncoder().encode(WhereIsABCD);
  for (const hostname of targets("0.0.0.0")) {
    try {
      await socket.send(datagram, { hostname, port, transport: "udp" });
    } catch {
      // an interface without a network
    }
  }
}

/**
 * The hubs that announce themselves, each time they do, until `signal` is aborted.
 *
 * @throws {Error} `Cannot listen for hubs …` if the port cannot be shared.
 */
export async function* listenForHubs(
  options: {
    beaconPort: number;
    signal: AbortSignal;
    /** UDP port on which hubs are asked to announce themselves now. Default 9819. */
    questionPort?: number;
  },
): AsyncGenerator<HeardHub, void, void> {
  const { beaconPort, signal } = options;
  if (signal.aborted) return;
  if (!("listenDatagram" in Deno)) {
    throw new Error(
      "Cannot listen for hubs: Deno has UDP only with --unstable-net; else give the hub's address, as an option or in ABCD_SERVER",
    );
  }
  let socket: Deno.DatagramConn;
  try {
    socket = Deno.listenDatagram({
      hostname: "0.0.0.0",
      port: beaconPort,
      transport: "udp",
      reuseAddress: true,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot listen for hubs on UDP port ${beaconPort}: ${why}`, { cause: error });
  }
  let open = true;
  const close = () => {
    if (open) socket.close();
    open = false;
  };
  signal.addEventListener("abort", close, { once: true });
  askForHubs(socket, options.questionPort ?? HTTP_PORT);
  try {
    while (open) {
      let heard: [Uint8Array, Deno.Addr];
      try {
        heard = await socket.receive();
      } catch (error) {
        if (!open) return;
        throw error;
      }
      const beacon = parseBeacon(heard[0]);
      const from = heard[1];
      if (beacon === undefined || !("hostname" in from)) continue;
      yield { ...beacon, host: beacon.host === undefined ? from.hostname : `[${beacon.host}]` };
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
