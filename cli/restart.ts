// abcd restart: tells the run controller to restart programs, and waits until that is done.

import { defineCommand } from "./command.ts";
import { TELL_OPTIONS, tellPrograms } from "./tell_programs.ts";

/** `abcd restart`. */
export default defineCommand({
  name: "restart",
  summary: "restart programs of a running experiment",
  usage: "PROGRAM… | --all",
  arity: [0, Infinity],
  description:
    "Tells the run controller to stop them and start them again, and shows how it goes until they are ready.",
  options: TELL_OPTIONS,
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd restart ccd1", "stop ccd1, start it, and wait until it is ready"],
    ["abcd restart ccd1 ccd2 --wait 5m", "two that take long to come up"],
  ],
  run: (context) => tellPrograms("restart", context),
});
