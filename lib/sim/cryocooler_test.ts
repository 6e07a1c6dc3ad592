import { assert, assertEquals } from "@std/assert";
import { startCryo, stepCryo } from "./cryocooler.ts";

Deno.test("the cooler comes to its setpoint, and to the next one", () => {
  let state = stepCryo(startCryo(130), 3600);
  assert(Math.abs(state.temperature - 130) < 0.1, `${state.temperature} K`);
  assert(Math.abs(state.power - 20) < 0.5, `${state.power} W`);
  state = stepCryo({ ...state, setpoint: 150 }, 3600);
  assert(Math.abs(state.temperature - 150) < 0.1, `${state.temperature} K`);
});

Deno.test("the heater is off while it is too warm, and never past its limit", () => {
  assertEquals(stepCryo(startCryo(130), 10).power, 0);
  assertEquals(stepCryo(startCryo(190, 90), 1).power, 50);
});

Deno.test("it does not overshoot far after the long cooling", () => {
  let state = startCryo(130);
  let least = Infinity;
  for (let i = 0; i < 3600; i++) {
    state = stepCryo(state, 1);
    least = Math.min(least, state.temperature);
  }
  assert(least > 110, `${least} K`);
});

Deno.test("no time changes nothing", () => assertEquals(stepCryo(startCryo(), 0), startCryo()));
