import { assert, assertEquals } from "@std/assert";
import { Socket } from "./socket.ts";

const MIB = 1024 * 1024;

/** A client that has always sent something already, until so many bytes. */
function flood(bytes: number): Deno.Conn {
  let left = bytes;
  const addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const conn = {
    localAddr: addr,
    remoteAddr: addr,
    read(into: Uint8Array): Promise<number | null> {
      const count = Math.min(into.length, left);
      left -= count;
      return Promise.resolve(count === 0 ? null : count);
    },
    write: (from: Uint8Array) => Promise.resolve(from.length),
    close() {},
  };
  return conn as unknown as Deno.Conn;
}

Deno.test("socket: who never stops sending does not keep files and timers from having their turn", async () => {
  let over = false, read = 0, files = 0;
  const readFiles = (async () => {
    for (; !over; files++) await Deno.stat(".");
  })();
  let timers = 0;
  const timer = setInterval(() => timers++, 0);
  const socket = new Socket(flood(64 * MIB));
  const reason = await socket.read((_, begin, end) => {
    read += end - begin;
    for (const busyUntil = performance.now() + 0.1; performance.now() < busyUntil;);
    return end;
  }, MIB);
  clearInterval(timer);
  over = true;
  await readFiles;
  assertEquals(read, 64 * MIB);
  assertEquals(reason, "the client closed the connection");
  assert(files > 8, `files had ${files} turns`);
  assert(timers > 0, "timers had none");
});
