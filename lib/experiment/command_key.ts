// Commands in the experiment file: a line that is split, a list of words, or a line for the shell.

import { getNodeValue } from "jsonc-parser";
import type { Field } from "../jsonc_keys.ts";
import { splitCommand } from "./split_command.ts";

/** The words of a command that has to be there; none, and a problem, if it is not or is wrong. */
export function readCommand(field: Field, shell = false): readonly string[] {
  const { file, key, node, of, owner, wrong } = field;
  if (node === undefined) {
    if (owner.type === "object") file.problem(owner, `${of} has no "${key}", expected one`);
    return [];
  }
  if (node.type === "array" && !shell) {
    const words: unknown = getNodeValue(node);
    if (
      Array.isArray(words) && words.length > 0 && words[0] !== "" &&
      words.every((word): word is string => typeof word === "string" && !word.includes("\0"))
    ) return words;
  } else if (node.type === "string" && node.value.trim() !== "" && !node.value.includes("\0")) {
    if (shell) return ["/bin/sh", "-c", node.value];
    try {
      return splitCommand(node.value);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      file.problem(
        node,
        `"${key}" of ${of} cannot be split: ${why}, expected words as for a shell`,
      );
      return [];
    }
  }
  wrong(shell ? "a shell line" : "a command line or a list of texts");
  return [];
}
