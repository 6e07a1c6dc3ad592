// A strict reader of Prometheus' text format, version 0.0.4, and of its rules for names.

/** One sample. */
export interface Sample {
  readonly name: string;
  readonly labels: { readonly [name: string]: string };
  readonly value: number;
}

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/y;

function labelsOf(text: string, line: string): { [name: string]: string } {
  const labels: { [name: string]: string } = {};
  for (let at = 0; at < text.length;) {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`labels are wrong: ${line}`);
    const [whole, name = "", value = ""] = match;
    if (Object.hasOwn(labels, name)) throw new Error(`a label twice: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c);
    at += whole.length;
    if (at < text.length && text[at++] !== ",") throw new Error(`labels are wrong: ${line}`);
  }
  return labels;
}

/** Buckets rise, the last is all, and agrees with the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.filter((one) => one.name === `${name}_bucket`);
  const count = samples.find((one) => one.name === `${name}_count`)?.value;
  let bound = -Infinity, before = 0;
  for (const { labels, value } of buckets) {
    const le = labels.le === "+Inf" ? Infinity : Number(labels.le);
    if (!(le > bound) || value < before) throw new Error(`the buckets of ${name} do not rise`);
    bound = le;
    before = value;
  }
  if (bound !== Infinity || before !== count) throw new Error(`${name} has no bucket for all`);
  if (!samples.some((one) => one.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
}

/**
 * Reads a text; the samples by family.
 *
 * @throws {Error} With the line that is against the format, or the family against the conventions.
 */
export function readMetrics(text: string): Map<string, Sample[]> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, Sample[]>();
  const types = new Map<string, string>();
  const seen = new Set<string>();
  let current = "", help = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (meta !== null) {
      const [, what, name = "", rest = ""] = meta;
      if (what === "HELP") {
        help = name;
        continue;
      }
      if (name !== help) throw new Error(`no help: ${line}`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`no type: ${line}`);
      if (families.has(name)) throw new Error(`a family twice: ${line}`);
      if ((rest === "counter") !== name.endsWith("_total")) {
        throw new Error(`not named so: ${line}`);
      }
      if (/_(ms|milliseconds|kb|kib|mb|minutes|percent)\b/.test(name)) {
        throw new Error(`not a base unit: ${line}`);
      }
      families.set(current = name, []);
      types.set(name, rest);
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(
      line,
    );
    if (sample === null) throw new Error(`neither meta nor sample: ${line}`);
    const [, name = "", given = "", value] = sample;
    const isOne = types.get(current) === "histogram"
      ? [`${current}_bucket`, `${current}_sum`, `${current}_count`].includes(name)
      : name === current;
    if (!isOne) throw new Error(`not of the family ${current}: ${line}`);
    if (seen.has(`${name}{${given}}`)) throw new Error(`a sample twice: ${line}`);
    seen.add(`${name}{${given}}`);
    families.get(current)?.push({ name, labels: labelsOf(given, line), value: Number(value) });
  }
  for (const [name, samples] of families) {
    if (samples.length === 0) throw new Error(`${name} has no sample`);
    if (types.get(name) === "histogram") checkHistogram(name, samples);
  }
  return families;
}
