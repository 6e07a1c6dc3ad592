import { assert, assertEquals, assertThrows } from "@std/assert";
import { matchesGlob } from "../glob.ts";
import { decide, parseRule, type Policy, PolicyError, splitLine } from "./policy.ts";

const resolve = (program: string) =>
  program.startsWith("/") ? program : program === "missing" ? undefined : `/usr/bin/${program}`;

function policy(allow: string[], more: Partial<Policy> = {}): Policy {
  return {
    rules: allow.map((text) => parseRule(text, resolve)),
    allowAll: false,
    shell: false,
    ...more,
  };
}

function runs(policy: Policy, ask: string[] | string): readonly string[] | undefined {
  const decision = decide(policy, typeof ask === "string" ? { line: ask } : { argv: ask });
  return decision.allowed ? decision.argv : undefined;
}

Deno.test("a line is split as the shell does it, without the rest of the shell", () => {
  assertEquals(splitLine("  ls  -l\t/tmp "), ["ls", "-l", "/tmp"]);
  assertEquals(splitLine(`echo 'a b' "c \\"d\\"" e\\ f '' x'y'"z"`), [
    "echo",
    "a b",
    'c "d"',
    "e f",
    "",
    "xyz",
  ]);
  assertEquals(splitLine(`echo '$HOME; |' "a;b" \\$x`), ["echo", "$HOME; |", "a;b", "$x"]);
  assertEquals(splitLine(""), []);
  for (
    const bad of ["a; b", "a | b", "a && b", "a > b", "$(a)", "`a`", '"$a"', "a\nb", "'a", "a\\"]
  ) {
    assertThrows(() => splitLine(bad), PolicyError);
  }
});

Deno.test("a glob matches the whole text", () => {
  for (
    const [glob, text, want] of [
      ["a", "a", true],
      ["a", "ab", false],
      ["*", "", true],
      ["*", "a\nb/c", true],
      ["a*", "ba", false],
      ["a*b*c", "a-b-c", true],
      ["a*b*c", "a-c-b", false],
      ["aa*aa", "aaa", false],
      ["*.fits", "run1.fits", true],
      ["a.c", "abc", false],
      ["*b*b", "ab", false],
    ] as const
  ) assertEquals(matchesGlob(glob, text), want, `${glob} on ${text}`);
});

Deno.test("a rule names a program, with any arguments or with one pattern each", () => {
  const p = policy(["ls", "/opt/daq start *", "cat '/data/*.fits'"]);
  assertEquals(runs(p, ["ls"]), ["/usr/bin/ls"]);
  assertEquals(runs(p, ["/usr/bin/ls", "-l", "x y"]), ["/usr/bin/ls", "-l", "x y"]);
  assertEquals(runs(p, "ls -l"), ["/usr/bin/ls", "-l"]);
  assertEquals(runs(p, ["/opt/daq", "start", "7"]), ["/opt/daq", "start", "7"]);
  assertEquals(runs(p, ["cat", "/data/1.fits"]), ["/usr/bin/cat", "/data/1.fits"]);
  for (
    const bad of [
      ["/tmp/ls"],
      ["./ls"],
      ["rm"],
      ["/opt/daq"],
      ["/opt/daq", "stop", "7"],
      ["/opt/daq", "start", "7", "8"],
      ["cat", "/etc/passwd"],
      [],
      [""],
      ["ls", "a\0b"],
    ]
  ) assertEquals(runs(p, bad), undefined, JSON.stringify(bad));
  assertEquals(runs(p, "ls; rm x"), undefined);
});

Deno.test("all may be allowed; a shell only then", () => {
  assertEquals(runs(policy([], { allowAll: true }), ["rm", "x"]), ["rm", "x"]);
  assertEquals(runs(policy([], { allowAll: true }), "a | b"), undefined);
  assertEquals(runs(policy([], { allowAll: true, shell: true }), "a | b"), [
    "/bin/sh",
    "-c",
    "a | b",
  ]);
  assertEquals(runs(policy(["ls"], { shell: true }), "ls | sh"), undefined);
  assertEquals(runs(policy([]), ["ls"]), undefined);
});

Deno.test("a refusal says why", () => {
  const p = policy(["ls -l"]);
  const text = (ask: { argv?: string[]; line?: string }) => {
    const decision = decide(p, ask);
    assert(!decision.allowed);
    return decision.text;
  };
  assertEquals(text({ argv: ["rm"] }), "Not allowed: rm; no --allow names it");
  assertEquals(text({ argv: ["ls", "-a"] }), "Not allowed: ls with these arguments");
  assertEquals(text({}), 'Cannot run it: give "argv" or "line", and not both');
  assertEquals(text({ argv: ["ls"], line: "ls" }), text({}));
});

Deno.test("a rule without a program, or with one that is not there, is an error", () => {
  assertThrows(() => parseRule(" ", resolve), PolicyError);
  assertThrows(() => parseRule("missing x", resolve), PolicyError, 'the program "missing"');
});
