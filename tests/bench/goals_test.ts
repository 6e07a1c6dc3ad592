import { assertEquals } from "@std/assert";
import { createFigures, medianOf } from "./figures.ts";
import { goalsOf, MEASURE } from "./goals.ts";

Deno.test("bench: medians and spread", () => {
  assertEquals([[3, 1, 2], [4, 1, 2, 3], [7]].map(medianOf), [2, 2.5, 7]);
  const figures = createFigures();
  for (const value of [9, 10, 12]) figures.add("a", "b", value);
  assertEquals([figures.median("a", "b"), figures.spread("a", "b")], [10, 0.15]);
  assertEquals([figures.median("a", "c"), figures.spread("a", "c")], [undefined, 0]);
});

Deno.test("bench: a goal is met, is not met, or cannot be told", () => {
  const figures = createFigures();
  figures.add("nats-server", MEASURE.oneToOne, 1000);
  figures.add("mosquitto", MEASURE.fanOut, 100);
  figures.add("hub, TCP", MEASURE.oneToOne, 999);
  figures.add("hub, WebSocket", MEASURE.fanOut, 1500);
  figures.add("hub", MEASURE.idleBytes, 21 * 1024);
  const goals = goalsOf(figures, "hub", "hub with journal", { isCompiled: true });
  const met = (text: string) => goals.find((goal) => goal.text.startsWith(text))?.met;
  assertEquals(met("TCP, one to one: nats-server's rate"), false);
  assertEquals(met("WebSocket, fan-out"), true);
  assertEquals(met("an idle client"), false);
  assertEquals(met("TCP, 50 producers"), undefined);
});
