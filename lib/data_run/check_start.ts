// Whether a run may start now, as far as programs and hub can tell.

import type { Client } from "../client.ts";
import type { JsonObject } from "../message.ts";
import { clientOf } from "../experiment/program.ts";
import type { RunsController } from "./runs_controller.ts";
import type { RunRecord } from "./run_record.ts";
import { participantsOf, problemsOf } from "./participants.ts";

/** What somebody wants of a run cannot be; the message says why, as words behind "Cannot …: ". */
export class RunRefusedError extends Error {
  override name = "RunRefusedError";
}

/** How long the hub may take to tell who is there, in seconds. */
const ASK_SEC = 5;

/** What {@linkcode checkStart} finds where nothing forbids a start. */
export interface StartCheck {
  readonly participants: RunRecord["participants"];
  /** What each program that is in the hub said of itself there. */
  readonly infos: JsonObject;
}

/**
 * Looks whether a run may start, and who takes part.
 *
 * @param problems What else forbids it, now.
 * @throws {RunRefusedError} With everything that forbids it.
 */
export async function checkStart(
  controller: RunsController,
  client: Client,
  problems: () => readonly string[],
): Promise<StartCheck> {
  function look(): RunRecord["participants"] {
    const { programs } = controller.experiment;
    const known = new Map(controller.status().programs.map((status) => [status.name, status]));
    const find = (name: string) => known.get(name);
    const participants = participantsOf(programs, find);
    const all = [...problems(), ...problemsOf(programs, find)];
    if (participants.length > 0 && !client.joined) {
      all.push("there is no hub, and the programs are told through it");
    }
    if (all.length > 0) throw new RunRefusedError(all.join("; "));
    return participants;
  }

  const first = look();
  if (!client.joined) return { participants: first, infos: {} };
  let clients: Awaited<ReturnType<Client["clients"]>>;
  try {
    clients = await client.clients({ timeoutSec: ASK_SEC });
  } catch (error) {
    throw new RunRefusedError(error instanceof Error ? error.message : String(error));
  }
  // The hub took its time, and by now it may be otherwise.
  const participants = look();
  const infos = new Map(clients.map(({ name, info }) => [name, info]));
  const away = participants.filter((one) => !infos.has(one.client));
  if (away.length > 0) {
    throw new RunRefusedError(
      away.map((one) => `${one.program}: no client "${one.client}" is in the hub`).join("; "),
    );
  }
  const known = controller.experiment.programs.flatMap((program) => {
    const info = infos.get(clientOf(program));
    return info === undefined ? [] : [[program.name, info]];
  });
  return { participants, infos: Object.fromEntries(known) };
}
