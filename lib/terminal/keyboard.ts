// The keyboard of the terminal, key by key, and what the terminal itself says there.

import { type Key, openSequence, readKeys, withoutPasted } from "./keys.ts";
import { takeAnswers } from "./paced_line.ts";

/** How long the rest of an escape sequence may take, in milliseconds; then it was the key "escape". */
const REST_MS = 100;
/** A paste whose end does not come for so long has none, in milliseconds. */
const PASTE_MS = 5000;

/** Keys one by one, unseen; Ctrl-C stays a signal. */
export function setRaw(raw: boolean): void {
  try {
    Deno.stdin.setRaw(raw, { cbreak: raw && Deno.build.os !== "windows" });
  } catch {
    // the terminal is gone
  }
}

/** Calls the handlers for each key and each answer until the function that it returns is called. */
export function readKeyboard(onKey: (key: Key) => void, onAnswer: () => void): () => void {
  const reader = Deno.stdin.readable.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let isPasting = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(typed: string): void {
    const { text, answers } = takeAnswers(typed);
    for (let i = 0; i < answers; i++) onAnswer();
    const left = withoutPasted(text, isPasting);
    isPasting = left.isPasting;
    for (const key of readKeys(left.text)) onKey(key);
  }

  (async () => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        const typed = rest + decoder.decode(value, { stream: true });
        // A slow line cuts a sequence in two: its halves mean something else.
        rest = openSequence(typed);
        take(typed.slice(0, typed.length - rest.length));
        if (rest === "" && !isPasting) continue;
        timer = setTimeout(() => {
          const late = isPasting ? "" : rest;
          isPasting = false;
          rest = "";
          take(late);
        }, isPasting ? PASTE_MS : REST_MS);
      }
    } catch {
      // closed, or the terminal is gone
    }
  })();
  return () => {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  };
}
