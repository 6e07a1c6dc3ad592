// Lengths of time and amounts of data, as people write and read them.

const UNITS: Record<string, number> = { ms: 0.001, "": 1, s: 1, m: 60, h: 3600, d: 86400 };

/**
 * Seconds of a length of time like `30`, `1.5s`, `200ms`, `5m`, `8h`, `2d` or `1h30m`;
 * `undefined` if it is none.
 */
export function parseDuration(text: string): number | undefined {
  // Only the last number may lack a unit: else there would be many ways to read a long number.
  if (text === "" || !/^(\d+(\.\d+)?(ms|[smhd]))*(\d+(\.\d+)?)?$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, number = "", unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])?/g)) {
    seconds += Number(number) * (UNITS[unit] ?? 1);
  }
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** A length of time in two units at most, for a table: `4s`, `12m05s`, `3h20m`, `5d02h`. */
export function showDuration(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s % 3600 / 60))}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor(s % 86400 / 3600))}h`;
}

/** A length of time as an option's default is shown, in the largest unit that is exact: `30 s`, `10 min`, `30 d`. */
export function showSeconds(seconds: number): string {
  const units = [[86400, "d"], [3600, "h"], [60, "min"]] as const;
  const [size, unit] = units.find(([size]) => seconds >= size && seconds % size === 0) ?? [1, "s"];
  return `${seconds / size} ${unit}`;
}

/** A number of bytes in the largest unit that is exact: `512 B`, `16 MiB`, `2 GiB`. */
export function showBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let power = 0;
  while (power < units.length - 1 && bytes >= 1024 && bytes % 1024 === 0) {
    bytes /= 1024;
    power++;
  }
  return `${bytes} ${units[power]}`;
}

/**
 * A number of bytes like `10485760`, `64k`, `10M`, `2G`, `16MiB`; `undefined` if it is none. `MB` and
 * `GB` are powers of 1000, as they are where sizes are shown; the others are powers of 1024.
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kKMG]?)(i?B)?$/.exec(text);
  if (match === null) return undefined;
  const power = ["", "K", "M", "G"].indexOf((match[2] ?? "").toUpperCase());
  return Math.round(Number(match[1]) * (match[3] === "B" ? 1000 : 1024) ** power);
}
