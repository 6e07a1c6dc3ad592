// A simulated vacuum gauge: the pump-down of a chamber.

import { gaussian, type Random } from "./random.ts";

/** What chamber, pump and gauge are like. */
export interface PressureModel {
  /** Pressure at the beginning, in mbar. */
  readonly start: number;
  /** Pressure that the pump ends at, in mbar. */
  readonly base: number;
  /** Time constant of the pumping, in seconds. */
  readonly tau: number;
  /** Outgassing one second after the start, in mbar; it falls with one over time. */
  readonly outgassing: number;
  /** Relative noise of the gauge. */
  readonly noise: number;
}

/** A cryostat with a turbo pump. */
export const CHAMBER: PressureModel = {
  start: 1013,
  base: 2e-7,
  tau: 8,
  outgassing: 1e-3,
  noise: 0.02,
};

/** The pressure in mbar so many seconds after the pump was switched on. */
export function pressureAt(seconds: number, model: PressureModel = CHAMBER): number {
  return model.base + (model.start - model.base) * Math.exp(-seconds / model.tau) +
    model.outgassing / (1 + seconds);
}

/** What the gauge shows for it. */
export function readGauge(
  seconds: number,
  random: Random,
  model: PressureModel = CHAMBER,
): number {
  return pressureAt(seconds, model) * Math.exp(model.noise * gaussian(random));
}
