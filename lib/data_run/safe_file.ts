// That the experiment is safe outlives the controller, the computer's power, and a bad file.

import { decodeRecord, encodeRecord } from "../run/state_folder.ts";
import { writeDurably } from "./durable_file.ts";
import type { SafeStatus } from "../status/run_status.ts";

function readSafe(record: unknown): SafeStatus | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { reason, since, by }: { reason?: unknown; since?: unknown; by?: unknown } = record;
  if (typeof reason !== "string" || typeof since !== "number") return undefined;
  return { reason, since, by: typeof by === "string" ? by : undefined };
}

/**
 * Whether the experiment is safe. A file that cannot be read means that it is: who wrote it is no
 * longer known, and a person has to look anyway.
 *
 * @param now Unix time in seconds.
 */
export function loadSafe(path: string, now: number): SafeStatus | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    return { reason: `whether it was safe cannot be read: ${why}`, since: now };
  }
  const found = decodeRecord(text);
  const safe = found.kind === "record" ? readSafe(found.record) : undefined;
  return safe ?? { reason: `whether it was safe cannot be read: ${path} is torn`, since: now };
}

/**
 * Writes it down, or that it is so no more.
 *
 * @throws {Error} If it cannot be written.
 */
export function saveSafe(path: string, safe: SafeStatus | undefined): void {
  if (safe !== undefined) return writeDurably(path, encodeRecord(safe));
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
