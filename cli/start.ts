// abcd start: tells the run controller to start programs, and waits until that is done.

import { defineCommand } from "./command.ts";
import { TELL_OPTIONS, tellPrograms } from "./tell_programs.ts";

/** `abcd start`. */
export default defineCommand({
  name: "start",
  summary: "start programs of a running experiment",
  usage: "PROGRAM… | --all",
  arity: [0, Infinity],
  description:
    "Tells the run controller to start them, and shows how it goes until they are ready. What is running already is left as it is.",
  options: TELL_OPTIONS,
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd start hv", "start hv, and wait until it is ready"],
    ["abcd start --all", "everything that is not running"],
  ],
  run: (context) => tellPrograms("start", context),
});
