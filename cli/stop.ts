// abcd stop: tells the run controller to stop programs, and waits until that is done.

import { defineCommand } from "./command.ts";
import { TELL_OPTIONS, tellPrograms } from "./tell_programs.ts";

/** `abcd stop`. */
export default defineCommand({
  name: "stop",
  summary: "stop programs of a running experiment",
  usage: "PROGRAM… | --all",
  arity: [0, Infinity],
  description:
    "Tells the run controller to stop them, and shows how it goes until they are gone. They stay stopped until somebody starts them. To stop the whole experiment, end its controller: Ctrl-C, or SIGTERM.",
  options: TELL_OPTIONS,
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd stop hv", "stop hv, and wait until it is gone"],
    ["abcd stop ccd1 ccd2 --wait 0", "say so, and do not wait"],
  ],
  run: (context) => tellPrograms("stop", context),
});
