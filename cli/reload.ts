// abcd reload: the run controller reads the experiment file again.

import { escapeControls } from "../lib/plain_text.ts";
import { defineCommand, EXIT } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";

/** `abcd reload`. */
export default defineCommand({
  name: "reload",
  summary: "make a running experiment read its file again",
  description:
    "Programs whose settings changed restart, new ones start, removed ones stop; the others are not touched. A file with an error changes nothing, and the error is shown.",
  options: CONTROL_OPTIONS,
  needs: ["net", "read", "env", "sys"],
  examples: [["abcd check damicm.jsonc && abcd reload", "look at the file first, then take it"]],
  async run({ options, stop }) {
    await using controller = await openController("reload", options, stop);
    const { text } = await controller.ask("reload");
    console.log(typeof text === "string" ? escapeControls(text) : "reloaded");
    return EXIT.done;
  },
});
