import { assertEquals } from "@std/assert";
import { asciiOnly, showsUnicode } from "./ascii.ts";

Deno.test("asciiOnly: shapes have their letter, the rest a ? as wide; colours stay", () => {
  assertEquals(
    asciiOnly("› hv  \x1b[32m● ready\x1b[0m  21 °C 漢 …"),
    "> hv  \x1b[32m* ready\x1b[0m  21 ?C ?? ~",
  );
});

Deno.test("showsUnicode goes by the locale, without one by the terminal", () => {
  const of = (variables: Record<string, string>) => showsUnicode((name) => variables[name]);
  assertEquals(of({ LANG: "en_US.UTF-8", TERM: "vt100" }), true);
  assertEquals(of({ LANG: "C.utf8" }), true);
  assertEquals(of({ LANG: "en_US.UTF-8", LC_ALL: "C" }), false);
  assertEquals(of({ LANG: "C", LC_ALL: "" }), false);
  assertEquals(of({ TERM: "vt220" }), false);
  assertEquals(of({ TERM: "xterm-256color" }), true);
  assertEquals(of({}), true);
});
