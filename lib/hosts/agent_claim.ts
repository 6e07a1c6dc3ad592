// Who may control an experiment on the computer of a host agent: one controller at a time. Pure.

/** Which controller has an experiment. */
export interface Holder {
  /** Its mark, which it keeps when it is started again. */
  readonly claim: string;
  /** Its name in the hub. */
  readonly name: string;
  readonly host: string;
  readonly pid: number;
}

/** A controller that is gone may come back; another one gets its experiment after this, in ms. */
export const HOLD_MS = 60_000;

/** A controller in words: "run (pid 4711 on daq1)". */
export function describeHolder({ name, pid, host }: Omit<Holder, "claim">): string {
  return `${name} (pid ${pid} on ${host})`;
}

/**
 * Why a controller may not have an experiment that another one has; `undefined`: it may.
 *
 * @param absentMs How long that one has not been in the hub; `undefined`: it is there, or nobody
 * knows.
 */
export function refuseClaim(
  holder: Holder | undefined,
  claim: string,
  absentMs: number | undefined,
): string | undefined {
  if (holder === undefined || holder.claim === claim) return undefined;
  const who = describeHolder(holder);
  if (absentMs === undefined) return who;
  const leftMs = HOLD_MS - absentMs;
  return leftMs <= 0
    ? undefined
    : `${who}, which is away; it is free in ${Math.ceil(leftMs / 1000)} s`;
}
