// A simulated high-voltage supply: channels that ramp to what was asked.

/** One channel. */
export interface HvChannel {
  /** In volts, now. */
  readonly voltage: number;
  /** In volts, asked for. */
  readonly target: number;
}

/** All channels; the first is channel 0. */
export type HvState = readonly HvChannel[];

/** Most a channel gives, in volts. */
export const HV_MOST = 200;
/** How quickly a channel ramps, in volts per second. */
export const HV_RAMP = 5;

/** A supply with so many channels, all at 0 V. */
export function startHv(channels = 4): HvState {
  return Array.from({ length: channels }, () => ({ voltage: 0, target: 0 }));
}

/** The state so many seconds later. */
export function stepHv(state: HvState, seconds: number, ramp = HV_RAMP): HvState {
  const most = ramp * seconds;
  return state.map(({ voltage, target }) => ({
    voltage: voltage + Math.min(most, Math.max(-most, target - voltage)),
    target,
  }));
}

/**
 * The state in which a channel is asked for a voltage.
 *
 * @throws {RangeError} If there is no such channel, or it cannot give that voltage.
 */
export function setHv(state: HvState, channel: number, voltage: number): HvState {
  channelOf(state, channel);
  if (!(voltage >= 0 && voltage <= HV_MOST)) {
    throw new RangeError(`Cannot set ${voltage} V: a channel gives 0 to ${HV_MOST} V`);
  }
  return state.map((was, i) => i === channel ? { ...was, target: voltage } : was);
}

/**
 * One channel.
 *
 * @throws {RangeError} If there is none of this number.
 */
export function channelOf(state: HvState, channel: number): HvChannel {
  const found = state[channel];
  if (found === undefined) {
    throw new RangeError(`Cannot find channel ${channel}: there are 0 to ${state.length - 1}`);
  }
  return found;
}

/** The supply's state in a word: `ramping`, `on` if a channel has a voltage, else `off`. */
export function hvWord(state: HvState): string {
  if (state.some(({ voltage, target }) => Math.abs(voltage - target) > 0.01)) return "ramping";
  return state.some(({ voltage }) => voltage > 0.01) ? "on" : "off";
}
