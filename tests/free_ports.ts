// Ports for tests, which run side by side in threads and in processes.
//
// A port that was free a moment ago may be somebody's by the time it is used: the system gives the
// same one to whoever asks for "any". So each thread of tests has a block of ports of its own, where
// the system gives none. Its first port, held open by TCP, says that the block is taken.

const BLOCK = 64;
const FIRST = 10_000;

/** Where the ports begin that the system gives to whoever asks for any. */
function firstOfSystem(): number {
  try {
    const [low = ""] = Deno.readTextFileSync("/proc/sys/net/ipv4/ip_local_port_range").split("\t");
    if (Number(low) >= FIRST + 20 * BLOCK) return Number(low);
  } catch {
    // not Linux
  }
  return 32_768;
}

/** A block that no other thread has; it is held until this one ends. */
function takeBlock(): number {
  const blocks = Math.floor((firstOfSystem() - FIRST) / BLOCK);
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const port = FIRST + BLOCK * ((start + i) % blocks);
    try {
      Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`Cannot find ports for tests: all from ${FIRST} on are taken`);
}

// At once, not at the first port: a listener that a test opens is one that it has to close.
const block = takeBlock();
let last = 0;

function nextPort(tryIt: (port: number) => void): number {
  for (let i = 1; i < BLOCK; i++) {
    const port = block + 1 + last++ % (BLOCK - 1);
    try {
      tryIt(port);
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`Cannot find a port: all from ${block} to ${block + BLOCK - 1} are in use`);
}

/** A UDP port that nobody holds, and that no other test gets. */
export function freeUdpPort(): number {
  return nextPort((port) =>
    Deno.listenDatagram({ hostname: "0.0.0.0", port, transport: "udp" }).close()
  );
}

/** A TCP port that nobody holds, and that no other test gets. */
export function freeTcpPort(): number {
  return nextPort((port) => Deno.listen({ hostname: "0.0.0.0", port }).close());
}
