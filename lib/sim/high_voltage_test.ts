import { assertEquals, assertThrows } from "@std/assert";
import { channelOf, setHv, startHv, stepHv } from "./high_voltage.ts";

Deno.test("a channel ramps to what was asked, up and down; the others stay", () => {
  let state = setHv(startHv(2), 1, 12);
  state = stepHv(state, 2);
  assertEquals(state, [{ voltage: 0, target: 0 }, { voltage: 10, target: 12 }]);
  state = stepHv(state, 2);
  assertEquals(channelOf(state, 1).voltage, 12);
  state = stepHv(setHv(state, 1, 0), 1);
  assertEquals(channelOf(state, 1), { voltage: 7, target: 0 });
});

Deno.test("no such channel, and voltages out of range, are refused", () => {
  for (const channel of [-1, 4, 0.5]) {
    assertThrows(() => setHv(startHv(), channel, 1), RangeError, "there are 0 to 3");
  }
  for (const voltage of [-1, 201, NaN]) {
    assertThrows(() => setHv(startHv(), 0, voltage), RangeError, "0 to 200 V");
  }
});
