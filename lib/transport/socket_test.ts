import { assert, assertEquals } from "@std/assert";
import { Socket } from "./socket.ts";

const MIB = 1024 * 1024;
const PATIENCE_MS = 10_000;

/** A client that has always sent something already, until it is enough. */
function flood(isEnough: () => boolean): Deno.Conn {
  const addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const conn = {
    localAddr: addr,
    remoteAddr: addr,
    read: (into: Uint8Array) => Promise.resolve(isEnough() ? null : into.length),
    write: (from: Uint8Array) => Promise.resolve(from.length),
    close() {},
  };
  return conn as unknown as Deno.Conn;
}

Deno.test("socket: who never stops sending does not keep files and timers from having their turn", async () => {
  let over = false, files = 0, timers = 0;
  const readFiles = (async () => {
    for (; !over; files++) await Deno.stat(".");
  })();
  const timer = setInterval(() => timers++, 0);
  const late = performance.now() + PATIENCE_MS;
  const hadTheirTurn = () => files > 3 && timers > 3;
  const socket = new Socket(flood(() => hadTheirTurn() || performance.now() > late));
  const reason = await socket.read((_, __, end) => end, MIB);
  const seen = `${files} files, ${timers} timers`;
  const isDone = hadTheirTurn();
  clearInterval(timer);
  over = true;
  await readFiles;
  assertEquals(reason, "the client closed the connection");
  assert(isDone, `beside the flood: ${seen}`);
});
