// Topics on which a controller publishes. They begin with its name in the hub, so that several
// controllers in one hub do not speak over each other; by default that is `run`.

/** What is published of one program: a change, a line of its output, an unexpected end. */
export type ProgramNews = "state" | "log" | "verdict";

/** The topic of one program; `+` as program: of all. */
export function programTopic(controller: string, program: string, news: ProgramNews): string {
  return `${controller}/${program}/${news}`;
}

/** The topic of the run that is open now, which the hub keeps as its last value. */
export function runTopic(controller: string): string {
  return `${controller}/current`;
}

/** The topic of alarms. */
export function alarmTopic(controller: string): string {
  return `${controller}/alarm`;
}
