// A hub that does not let the controller in, as its key is another: an alarm, for who has the table
// before him, which says "no hub", and looks for one that has been there all the time.

import type { Client } from "../client.ts";
import type { Alarms } from "../status/alarms.ts";

const ALARM = "hub";

/** An alarm from a refusal on, until a hub is joined. */
export function watchRefusals(options: {
  readonly client: Pick<Client, "joined" | "addEventListener">;
  readonly alarms: Pick<Alarms, "raise" | "clear">;
}): Disposable {
  const { client, alarms } = options;
  const offs = [
    client.addEventListener("refused", ({ code, text }) => {
      // One that ends refuses for that alone; who is in the hub may have sent what he must not.
      if (client.joined || code === "shutting-down") return;
      alarms.raise(ALARM, "warning", `it does not let this controller in: ${text}`);
    }),
    client.addEventListener("joined", () => alarms.clear(ALARM, "this controller is in the hub")),
  ];
  return {
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}
