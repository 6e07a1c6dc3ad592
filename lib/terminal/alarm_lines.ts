// The alarms that stand, as lines above the table. Pure.

import { escapeControls } from "../plain_text.ts";
import type { Alarm } from "../status/alarms.ts";
import type { ExperimentStatus } from "../status/program_status.ts";

const WORST = "\x1b[1;31m", BAD = "\x1b[33m";

/** Lines of alarms on a page: they leave room for the programs. */
const MOST_ALARMS = 3;

/**
 * The alarms as lines for a page of so many rows. What is wrong comes before what is well;
 * of a program its row tells too, of a disk nothing else does.
 */
export function alarmLines(
  { alarms = [], programs }: ExperimentStatus,
  rows: number,
): { readonly text: string; readonly code: string }[] {
  const hasRow = new Set(programs.map(({ name }) => name));
  const most = rows === Infinity ? Infinity : rows < 8 ? 0 : MOST_ALARMS;
  const isOfRow = ({ source }: Alarm) => Number(hasRow.has(source));
  const lines = [...alarms].sort((a, b) => isOfRow(a) - isOfRow(b)).map(
    ({ source, state, text }) => {
      const word = state === "critical" ? "CRITICAL" : "warning";
      const code = state === "critical" ? WORST : BAD;
      return { text: escapeControls(`▲ ${word}  ${source}: ${text}`), code };
    },
  );
  if (lines.length <= most || most === 0) return lines.slice(0, most);
  const more = `▲ and ${lines.length - most + 1} more alarms: abcd status`;
  return [...lines.slice(0, most - 1), { text: more, code: WORST }];
}
