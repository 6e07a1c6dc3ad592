import { assertEquals, assertThrows } from "@std/assert";
import { readMetrics } from "../tests/prometheus.ts";
import { Hub } from "./hub/hub.ts";
import { createRoundTrips } from "./hub/round_trips.ts";
import { metricsText } from "./metrics.ts";
import { MemoryConnection } from "./transport/memory.ts";

function read(hub: Hub, name = "lab"): (family: string) => number | undefined {
  const text = metricsText({ hub: name, version: "1", stats: hub.stats(), residentBytes: 1 });
  const families = readMetrics(text);
  return (family) => families.get(family)?.[0]?.value;
}

Deno.test("metrics: what the hub counts, as Prometheus reads it", () => {
  let now = 1000;
  const hub = new Hub({ name: "lab", clock: () => now, heartbeatSec: 1, restarts: 3 });
  const accept = hub.attach.bind(hub);
  const a = new MemoryConnection(accept), b = new MemoryConnection(accept);
  a.say({ cmd: "_init", name: "a" });
  b.say({ cmd: "_init", name: "b" });
  a.say({ cmd: "x", to: "b" });
  a.say({ cmd: "x", to: "nobody" });
  a.say("{}");
  now += 1000;
  hub.tick(now);
  now += 20;
  a.say({ cmd: "_pong" });
  b.queued = 77;
  const value = read(hub);
  assertEquals(value("abcd_clients"), 2);
  assertEquals(value("abcd_restarts_total"), 3);
  assertEquals([value("abcd_queued_bytes"), value("abcd_queued_bytes_max")], [77, 77]);
  const families = readMetrics(
    metricsText({ hub: 'a"b\\c\nd', version: "1", stats: hub.stats(), residentBytes: 1 }),
  );
  assertEquals(families.get("abcd_build_info")?.[0]?.labels.hub, 'a"b\\c\nd');
  assertEquals(
    families.get("abcd_refusals_total")?.map(({ labels, value }) => [labels.code, value]),
    [["unknown-client", 1], ["bad-message", 1]],
  );
  const pings = families.get("abcd_ping_round_trip_seconds") ?? [];
  const bucket = (le: string) => pings.find(({ labels }) => labels.le === le)?.value;
  assertEquals([bucket("0.01"), bucket("0.03"), bucket("+Inf")], [0, 1, 1]);
});

Deno.test("metrics: a pong that nobody asked for is no round trip; times are in classes", () => {
  const hub = new Hub({ name: "lab", clock: () => 1000 });
  const a = new MemoryConnection(hub.attach.bind(hub));
  a.say({ cmd: "_init", name: "a" });
  a.say({ cmd: "_pong" });
  assertEquals(hub.stats().pings.count, 0);
  const times = createRoundTrips();
  for (const sec of [0, 0.001, 0.0011, 11]) times.add(sec);
  const { count, buckets } = times.stats();
  assertEquals([count, buckets[0], buckets[1], buckets.at(-1)], [4, [0.001, 2], [0.003, 3], [
    10,
    3,
  ]]);
});

Deno.test("metrics: the reader of the tests takes nothing that is wrong", () => {
  const wrong = [
    "a 1",
    "a 1\n",
    "# HELP a x\n# TYPE a counter\na 1\n",
    "# HELP a x\n# TYPE a gauge\n",
    "# HELP a x\n# TYPE a gauge\na 1\na 1\n",
    '# HELP a x\n# TYPE a gauge\na{b="\n"} 1\n',
    '# HELP a x\n# TYPE a gauge\na{b="1",b="2"} 1\n',
    "# HELP a x\n# TYPE a gauge\na undefined\n",
    "# HELP a x\n# TYPE a gauge\nb 1\n",
    "# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n",
    '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ];
  for (const text of wrong) assertThrows(() => readMetrics(text), Error, undefined, text);
});
