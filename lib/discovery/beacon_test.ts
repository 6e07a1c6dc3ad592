import { assertEquals, assertThrows } from "@std/assert";
import { encodeBeacon, IamABCD, parseBeacon } from "./beacon.ts";
import { broadcastAddress, listenForHubs, startBeacon } from "./udp.ts";
import { freeUdpPort } from "../../tests/harness.ts";

const BEACON = { name: "damic", id: "6f0c", http: 9819, tcp: 9818 };
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a beacon survives its own encoding", () => {
  assertEquals(parseBeacon(encodeBeacon(BEACON)), BEACON);
});

Deno.test("a beacon's unknown fields are ignored", () => {
  assertEquals(
    parseBeacon(bytes('{"abcd":1,"name":"damic","id":"6f0c","http":9819,"tcp":9818,"new":true}')),
    BEACON,
  );
});

Deno.test("a beacon tells the fingerprint of a certificate", () => {
  const beacon = { ...BEACON, tls: "A".repeat(43) };
  assertEquals(parseBeacon(encodeBeacon(beacon)), beacon);
  for (const tls of ["true", '"A"', "null"]) {
    const text = `{"abcd":1,"name":"damic","id":"6f0c","http":9819,"tcp":9818,"tls":${tls}}`;
    assertEquals(parseBeacon(bytes(text)), undefined);
  }
});

Deno.test("a beacon tells an IPv6 address, and nothing else as one", () => {
  const beacon = { ...BEACON, host: "fd00::2" };
  assertEquals(parseBeacon(encodeBeacon(beacon)), beacon);
  for (const host of ["evil.example", "192.0.2.1", "", "[::1]", "::1@x", "a".repeat(46) + ":"]) {
    assertEquals(parseBeacon(encodeBeacon({ ...BEACON, host })), undefined, host);
  }
});

Deno.test("what is not a beacon is not taken for one", () => {
  for (
    const text of [
      "",
      IamABCD,
      "{",
      "{}",
      '{"abcd":2,"name":"a","id":"b","http":1,"tcp":1}',
      '{"abcd":1,"name":"","id":"b","http":1,"tcp":1}',
      '{"abcd":1,"name":"\\u001b[2Ja","id":"b","http":1,"tcp":1}',
      '{"abcd":1,"name":"a\\u202e","id":"b","http":1,"tcp":1}',
      '{"abcd":1,"name":"a","id":"b","http":70000,"tcp":1}',
      '{"abcd":1,"name":"a","id":"b","http":"1","tcp":1}',
    ]
  ) assertEquals(parseBeacon(bytes(text)), undefined, text);
  assertEquals(parseBeacon(new Uint8Array([0x7b, 0xff, 0x7d])), undefined);
});

Deno.test("a beacon too long for one datagram is refused", () => {
  assertThrows(() => encodeBeacon({ ...BEACON, name: "x".repeat(600) }), RangeError);
});

Deno.test("the broadcast address comes from the address and the netmask", () => {
  assertEquals(broadcastAddress("192.168.1.20", "255.255.255.0"), "192.168.1.255");
  assertEquals(broadcastAddress("10.1.2.3", "255.255.240.0"), "10.1.15.255");
  assertEquals(broadcastAddress("fe80::1", "ffff::"), undefined);
});

Deno.test("two listeners on one computer both hear a hub", async () => {
  const beaconPort = freeUdpPort();
  const stop = new AbortController();
  const hear = async () => {
    for await (const hub of listenForHubs({ beaconPort, signal: stop.signal })) return hub;
  };
  const heard = [hear(), hear()];
  const beacon = startBeacon({ beaconPort, intervalSec: 0.1, beacon: BEACON, bind: "127.0.0.1" });
  const late = setTimeout(() => stop.abort(), 10_000);
  try {
    for (const hub of await Promise.all(heard)) {
      assertEquals(hub?.name, "damic");
      assertEquals(hub?.host.startsWith("127."), true);
    }
  } finally {
    stop.abort();
    await beacon[Symbol.asyncDispose]();
    clearTimeout(late);
  }
});
