// What a program on a host is wanted to be, and what it is told, edge by edge.

import { assertEquals } from "@std/assert";
import type { ProgramState } from "../status/program_status.ts";
import type { HostReport } from "./host_report.ts";
import { decide, type Known, NOT_WANTED, type Wanted, type WantedEvent } from "./remote_orders.ts";
import { mayRunThere } from "./remote_view.ts";

/** Orders are numbered by the time, in ms; what an agent carried out last is less, or as said. */
const NOW = 1000;

function report(state: ProgramState, order = 0): HostReport {
  return { name: "p", state, ready: false, since: 1, restarts: 0, order };
}

function known(state: ProgramState | undefined, more: Partial<Known> = {}): Known {
  return {
    report: state === undefined ? undefined : report(state),
    state: state ?? "stopped",
    isReachable: true,
    autostart: true,
    now: NOW,
    ...more,
  };
}

/** `INTENT`, `then waiting`, and the order if there is one. */
function inWords({ intent, after, order, refusal }: Wanted): string {
  const told = order === undefined ? "" : `, ${order.what} ${order.number}`;
  const why = refusal === undefined ? "" : `, refused: ${refusal}`;
  return `${intent}${after === "waiting" ? " then waiting" : ""}${told}${why}`;
}

const up = { intent: "up" } as const;
const down = { intent: "down" } as const;
const waiting = { intent: "waiting" } as const;
const again = { after: "waiting" } as const;
const order = (what: "start" | "stop" | "kill", number = 500) => ({ order: { what, number } });
const refusal = { refusal: "no" };
const start = { type: "start" } as const;
const stop = { type: "stop" } as const;
const kill = { type: "kill" } as const;
const restart = { type: "restart" } as const;
const hold = { type: "dependenciesHold" } as const;
const heard = { type: "heard" } as const;
const away = { isReachable: false };

const EDGES: readonly [
  what: string,
  wanted: Partial<Wanted>,
  event: WantedEvent,
  known: Known,
  becomes: string,
][] = [
  ["nothing known, start", down, start, known(undefined), "waiting"],
  ["stopped, start", down, start, known("stopped"), "waiting"],
  ["refused, start", { ...waiting, ...refusal }, start, known(undefined), "waiting"],
  ["exited, start", up, start, known("exited"), "waiting"],
  ["fatal, start", up, start, known("fatal"), "waiting"],
  ["running, start", up, start, known("running"), "up"],
  ["starting, start", up, start, known("starting"), "up"],
  ["backoff, start", up, start, known("backoff"), "up, start 1000"],
  ["backoff, start, host away", up, start, known("backoff", away), "up"],
  ["told to start, start", { ...up, ...order("start") }, start, known("stopped"), "up, start 500"],
  [
    "told to stop, start",
    { ...down, ...order("stop") },
    start,
    known("running"),
    "down then waiting, stop 500",
  ],
  ["stopping, start", down, start, known("stopping"), "down then waiting"],
  ["restarted by its agent, start", up, start, known("stopping"), "up"],
  ["not heard of, start", up, start, known(undefined, away), "up then waiting"],

  ["running, stop", up, stop, known("running"), "down, stop 1000"],
  ["running, kill", up, kill, known("running"), "down, kill 1000"],
  ["backoff, stop", up, stop, known("backoff"), "down, stop 1000"],
  ["not heard of, stop", up, stop, known(undefined, away), "down, stop 1000"],
  ["stopped, stop", down, stop, known("stopped"), "down"],
  ["exited, stop", up, stop, known("exited"), "down"],
  ["to be started, stop", waiting, stop, known(undefined), "down"],
  ["refused, stop", { ...waiting, ...refusal }, stop, known(undefined), "down"],
  ["told to start, stop", { ...up, ...order("start") }, stop, known("stopped"), "down, stop 1000"],
  ["told to stop, stop", { ...down, ...order("stop") }, stop, known("running"), "down, stop 500"],
  ["told to stop, kill", { ...down, ...order("stop") }, kill, known("running"), "down, kill 1000"],
  ["told to kill, stop", { ...down, ...order("kill") }, stop, known("running"), "down, kill 500"],
  [
    "to be restarted, stop",
    { ...down, ...again, ...order("stop") },
    stop,
    known("running"),
    "down, stop 500",
  ],
  [
    "an order of later than now, stop",
    { ...up, ...order("start", 2000) },
    stop,
    known("running"),
    "down, stop 2001",
  ],
  [
    "an agent that did one of later than now, stop",
    up,
    stop,
    known("running", { report: report("running", 3000) }),
    "down, stop 3001",
  ],

  ["running, restart", up, restart, known("running"), "down then waiting, stop 1000"],
  [
    "told to start, restart",
    { ...up, ...order("start") },
    restart,
    known("starting"),
    "down then waiting, stop 1000",
  ],
  [
    "told to stop, restart",
    { ...down, ...order("stop") },
    restart,
    known("running"),
    "down then waiting, stop 500",
  ],
  ["stopped, restart", down, restart, known("stopped"), "waiting"],
  ["to be started, restart", waiting, restart, known(undefined), "waiting"],

  ["to be started, all holds", waiting, hold, known("waiting"), "up, start 1000"],
  ["to be started, all holds, host away", waiting, hold, known("waiting", away), "waiting"],
  ["told to start, its host is about to", up, hold, known("waiting"), "up"],
  ["stopped, all holds", down, hold, known("stopped"), "down"],
  [
    "told to start, all holds",
    { ...up, ...order("start") },
    hold,
    known("waiting"),
    "up, start 500",
  ],

  [
    "told to start, refused",
    { ...up, ...order("start") },
    { type: "refused", text: "no" },
    known("stopped"),
    "waiting, refused: no",
  ],
  [
    "told to stop, refused",
    { ...down, ...order("stop") },
    { type: "refused", text: "no" },
    known("running"),
    "down, refused: no",
  ],
  [
    "told to stop, left",
    { ...down, ...again, ...order("stop") },
    { type: "left" },
    known("running"),
    "up",
  ],

  ["running, as before", up, heard, known("running"), "up"],
  ["exited, as before", up, heard, known("exited"), "up"],
  ["stopped by somebody else", up, heard, known("stopped"), "down"],
  [
    "told to start, not done",
    { ...up, ...order("start") },
    heard,
    known("stopped"),
    "up, start 500",
  ],
  [
    "told to start, done",
    { ...up, ...order("start") },
    heard,
    known("stopped", { report: report("starting", 500) }),
    "up",
  ],
  [
    "told to stop, done",
    { ...down, ...order("stop") },
    heard,
    known("running", { report: report("stopping", 500) }),
    "down",
  ],
  ["stops", down, heard, known("stopping"), "down"],
  ["stops for a restart", { ...down, ...again }, heard, known("stopping"), "down then waiting"],
  ["stopped for a restart", { ...down, ...again }, heard, known("stopped"), "waiting"],
  ["exited for a restart", { ...down, ...again }, heard, known("exited"), "waiting"],
  [
    "its order is taken for one of before",
    { ...down, ...order("stop") },
    heard,
    known("running", { report: report("running", 700) }),
    "down, stop 701",
  ],
  ["runs without being told", waiting, heard, known("running"), "up, start 1000"],
  ["runs again though it was to be off", down, heard, known("running"), "up"],
  ["not heard of, start, runs", { ...up, ...again }, heard, known("running"), "up"],
  ["not heard of, start, had ended", { ...up, ...again }, heard, known("exited"), "waiting"],
  ["not heard of, start, was stopped", { ...up, ...again }, heard, known("stopped"), "waiting"],

  ["nothing known any more", up, heard, known(undefined), "waiting"],
  ["nothing known, and off", down, heard, known(undefined), "down"],
  [
    "nothing known, told to start",
    { ...up, ...order("start") },
    heard,
    known(undefined),
    "up, start 500",
  ],
  ["nothing known, told to stop", { ...down, ...order("stop") }, heard, known(undefined), "down"],
  [
    "nothing known, to be restarted",
    { ...down, ...again, ...order("stop") },
    heard,
    known(undefined),
    "waiting",
  ],
  [
    "nothing known, had ended",
    up,
    heard,
    known(undefined, { state: "exited" }),
    "waiting",
  ],
  [
    "nothing known, had ended, by hand",
    up,
    heard,
    known(undefined, { state: "exited", autostart: false }),
    "down",
  ],
  [
    "nothing known, had ended, by hand, start",
    { ...up, ...again },
    heard,
    known(undefined, { state: "fatal", autostart: false }),
    "waiting",
  ],
];

for (const [what, wanted, event, about, becomes] of EDGES) {
  Deno.test(`decide: ${what} → ${becomes}`, () => {
    assertEquals(inWords(decide({ ...NOT_WANTED, ...wanted }, event, about).wanted), becomes);
  });
}

Deno.test("decide: changed settings hold once it has stopped, or when it is told to stop", () => {
  const takes = (wanted: Partial<Wanted>, event: WantedEvent, about: Known) =>
    decide({ ...NOT_WANTED, ...wanted }, event, about).takesNext;
  const stopped = { ...down, ...again };
  assertEquals(takes(stopped, heard, known("stopping")), false);
  assertEquals(takes(stopped, heard, known("stopped")), true);
  assertEquals(takes({ ...stopped, ...order("stop") }, heard, known(undefined)), true);
  assertEquals(takes(up, stop, known("running")), true);
  assertEquals(takes(up, restart, known("running")), false);
  assertEquals(takes(up, heard, known("running")), false);
});

Deno.test("decide: says what is adopted, and what its host has lost", () => {
  const said = (wanted: Partial<Wanted>, about: Known) => {
    const { isAdopted, lost } = decide({ ...NOT_WANTED, ...wanted }, heard, about);
    return [isAdopted, lost];
  };
  assertEquals(said(waiting, known("running")), [true, undefined]);
  assertEquals(said(up, known("running")), [false, undefined]);
  assertEquals(said(up, known(undefined)), [false, "again"]);
  const byHand = { state: "exited", autostart: false } as const;
  assertEquals(said(up, known(undefined, byHand)), [false, "stays"]);
  assertEquals(said(down, known(undefined)), [false, undefined]);
});

Deno.test("decide: what may run is not given up by whatever is asked while its host is away", () => {
  for (const event of [start, stop, kill, restart, hold]) {
    const about = known(undefined, { ...away, state: "unreachable" });
    const { wanted } = decide({ ...NOT_WANTED, ...up }, event, about);
    const may = mayRunThere({ ...wanted, order: wanted.order?.what, report: undefined });
    assertEquals(may, true, event.type);
  }
});
