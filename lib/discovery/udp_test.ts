import { assert, assertEquals } from "@std/assert";
import { freeTcpPort, freeUdpPort, within } from "../../tests/harness.ts";
import { broadcastAddress, listenForHubs, startBeacon } from "./udp.ts";

Deno.test("broadcastAddress() sets the bits that the netmask leaves", () => {
  assertEquals(broadcastAddress("192.168.7.9", "255.255.255.0"), "192.168.7.255");
  assertEquals(broadcastAddress("10.1.2.3", "255.240.0.0"), "10.15.255.255");
  assertEquals(broadcastAddress("fe80::1", "ffff::"), undefined);
});

Deno.test("several listeners on one computer hear a hub at once, and again", async () => {
  const beaconPort = freeUdpPort();
  const over = new AbortController();
  const hear = async () => {
    const heard = [];
    for await (const hub of listenForHubs({ beaconPort, signal: over.signal })) {
      heard.push(hub);
      if (heard.length === 2) break;
    }
    return heard;
  };
  const listening = Promise.all([hear(), hear()]);
  await using _beacon = startBeacon({
    beaconPort,
    intervalSec: 0.1,
    beacon: { name: "test", id: "id-1", http: freeTcpPort(), tcp: 1 },
    bind: "127.0.0.1",
  });
  const both = await within(listening, 30_000, "nobody heard the hub");
  for (const heard of both) {
    for (const hub of heard) {
      assertEquals([hub.name, hub.id, hub.tcp], ["test", "id-1", 1]);
      assert(hub.host !== "");
    }
  }
  over.abort();
});

Deno.test("all hubs that are asked announce themselves without waiting for their turn", async () => {
  const beaconPort = freeUdpPort(), questionPort = freeUdpPort();
  const start = (id: string) =>
    startBeacon({
      ...{ beaconPort, questionPort, bind: "127.0.0.1" },
      intervalSec: 3600,
      beacon: { name: "test", id, http: freeTcpPort(), tcp: 1 },
    });
  await using _one = start("id-2");
  await using _other = start("id-3");
  // The first may hear the announcements of the start; the second has to ask.
  for (const who of ["first", "second"]) {
    const over = new AbortController();
    const ids = new Set<string>();
    const heard = async () => {
      for await (const { id } of listenForHubs({ beaconPort, signal: over.signal, questionPort })) {
        if (ids.add(id).size === 2) return;
      }
    };
    await within(heard(), 30_000, () => `the ${who} heard ${[...ids]}`);
    over.abort();
  }
});
