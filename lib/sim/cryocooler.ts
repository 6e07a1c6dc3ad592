// A simulated cryocooler: a cold mass that leaks heat, and a heater with a PI loop against full cooling.

/** The state of the cooler. */
export interface CryoState {
  /** In kelvin. */
  readonly temperature: number;
  /** In kelvin. */
  readonly setpoint: number;
  /** Heater power in watts. */
  readonly power: number;
  /** What the integral part of the loop has gathered, in watts. */
  readonly integral: number;
}

/** What cold mass and loop are like. */
export interface CryoModel {
  /** Temperature without any heating, in kelvin. */
  readonly base: number;
  /** Kelvin per watt of heating, once settled. */
  readonly gain: number;
  /** Time constant in seconds. */
  readonly tau: number;
  /** Most the heater gives, in watts. */
  readonly maxPower: number;
  /** Watts per kelvin. */
  readonly kp: number;
  /** Watts per kelvin and second. */
  readonly ki: number;
}

/** A cold finger that reaches 90 K and is held at around 130 K. */
export const CRYO: CryoModel = { base: 90, gain: 2, tau: 120, maxPower: 50, kp: 2, ki: 0.02 };
/** The setpoints that are taken, in kelvin. */
export const CRYO_RANGE = { least: 90, most: 190 } as const;

/** The cooler as it is switched on: at room temperature. */
export function startCryo(setpoint = 130, temperature = 293): CryoState {
  return { temperature, setpoint, power: 0, integral: 0 };
}

/** The state so many seconds later. */
export function stepCryo(state: CryoState, seconds: number, model: CryoModel = CRYO): CryoState {
  let { temperature, power, integral } = state;
  const clamp = (watts: number) => Math.min(model.maxPower, Math.max(0, watts));
  for (let left = seconds; left > 0; left--) {
    const dt = Math.min(1, left);
    const error = state.setpoint - temperature;
    const wanted = model.kp * error + integral;
    power = clamp(wanted);
    // At its limits the loop gathers nothing more in that direction: no wind-up.
    if (power === wanted || (wanted > power) !== (error > 0)) integral += model.ki * error * dt;
    const target = model.base + model.gain * power;
    temperature = target + (temperature - target) * Math.exp(-dt / model.tau);
  }
  return { temperature, setpoint: state.setpoint, power, integral };
}

/** The cooler's state in a word: `cooling`, `warming`, or `stable` within 0.5 K of what is wanted. */
export function cryoWord({ temperature, setpoint }: CryoState): string {
  if (Math.abs(temperature - setpoint) <= 0.5) return "stable";
  return temperature > setpoint ? "cooling" : "warming";
}
