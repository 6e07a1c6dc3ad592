// A simulated muon telescope: two scintillators one above the other, counted singly and together.

import { poisson, type Random } from "./random.ts";

/** What the scintillators and the sky are like. */
export interface MuonModel {
  /** Muons through one scintillator, per second: 1 per square centimetre and minute, on 400 of them. */
  readonly muons: number;
  /** The part of them that goes through the other one too. */
  readonly both: number;
  /** What a scintillator counts without a muon, per second. */
  readonly dark: number;
  /** Two counts within this time are taken for one muon, in seconds. */
  readonly window: number;
}

/** Two scintillators of 20 cm by 20 cm, half a metre apart. */
export const TELESCOPE: MuonModel = { muons: 6.7, both: 0.25, dark: 40, window: 1e-7 };

/** What was counted. */
export interface MuonCounts {
  /** By each scintillator. */
  readonly singles: readonly [top: number, bottom: number];
  /** By both at once. */
  readonly coincidences: number;
}

/** Counts for so many seconds. */
export function countMuons(
  seconds: number,
  random: Random,
  { muons, both, dark, window }: MuonModel = TELESCOPE,
): MuonCounts {
  const through = poisson(random, muons * both * seconds);
  const alone = () => poisson(random, (muons * (1 - both) + dark) * seconds);
  const [top, bottom] = [through + alone(), through + alone()];
  const single = muons + dark;
  const accidental = poisson(random, 2 * window * single * single * seconds);
  return { singles: [top, bottom], coincidences: through + accidental };
}
