import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { FileError } from "../jsonc_file.ts";
import { covers, createRights, plainEntry } from "./rights.ts";
import { parseRights } from "./rights_file.ts";

Deno.test("one subscription covers another if it takes all that the other takes", () => {
  const cases: [allowed: string, wanted: string, yes: boolean][] = [
    ["#", "a/b/#", true],
    ["#", "_hub/left", true],
    ["a/#", "a", true],
    ["a/#", "a/+/c", true],
    ["a/#", "b", false],
    ["a/#", "#", false],
    ["a/#", "+/b", false],
    ["a/+", "a/b", true],
    ["a/+", "a/+", true],
    ["a/+", "a/#", false],
    ["a/+", "a/b/c", false],
    ["a/+/c", "a/b/c", true],
    ["a/b", "a/+", false],
    ["a/b", "a/b", true],
    ["a/b", "a", false],
  ];
  for (const [allowed, wanted, yes] of cases) {
    assertEquals(covers(allowed, wanted), yes, `${allowed} covers ${wanted}`);
  }
});

Deno.test("a plain key takes its own names and sends what needs no right", () => {
  const rights = createRights("pi", plainEntry("pi"));
  for (const name of ["pi", "pi-2"]) assertEquals(rights.name(name), undefined);
  for (const name of ["hv", "pi2", "xpi", "pi.2"]) {
    assertMatch(rights.name(name) ?? "", /it may be pi/);
  }
  assertEquals(rights.send({ cmd: "monit", to: "hv" }), undefined);
  assertEquals(rights.send({ cmd: "monit", to: "*" }), undefined);
  assertEquals(rights.send({ cmd: "state", topic: "pi/state" }), undefined);
  const special = {
    exec: ["exec", "exec-kill"],
    run: ["start", "stop", "restart", "reload", "start-run", "stop-run", "agent-order"],
    safe: ["make-safe", "leave-safe", "safe", "safe-end"],
  } as const;
  for (const [right, commands] of Object.entries(special)) {
    const having = createRights("pi", { ...plainEntry("pi"), may: [right as "exec"] });
    for (const cmd of commands) {
      for (const going of [{ cmd, to: "run" }, { cmd, to: "*" }, { cmd, topic: "a" }]) {
        assertMatch(rights.send(going) ?? "", new RegExp(`has no right "${right}"`));
        assertEquals(having.send(going), undefined);
      }
    }
  }
  for (const [right, cmd] of [["spy", "_spy"], ["history", "_history"]] as const) {
    assertMatch(rights.ask(cmd) ?? "", new RegExp(`no right "${right}"`));
    const having = createRights("pi", { ...plainEntry("pi"), may: [right] });
    assertEquals(having.ask(cmd), undefined);
  }
  assertEquals(rights.ask("_clients"), undefined);
});

Deno.test("a key with lists may what they name and nothing else, asked once or often", () => {
  const rights = createRights("pi", {
    names: ["gauge-*"],
    to: ["logger", "hv*"],
    publish: ["vacuum/#"],
    subscribe: ["vacuum/+"],
    cmd: ["get", "set-*"],
    may: [],
  });
  for (let i = 0; i < 2; i++) {
    assertEquals(rights.send({ cmd: "get", to: "hv2" }), undefined);
    assertEquals(rights.send({ cmd: "set-x", topic: "vacuum/1" }), undefined);
    assertMatch(rights.send({ cmd: "get", to: "run" }) ?? "", /may not send to "run"/);
    assertMatch(rights.send({ cmd: "get", to: "*" }) ?? "", /may not send to everybody/);
    assertMatch(rights.send({ cmd: "put", to: "hv2" }) ?? "", /may not send "put"/);
    assertMatch(rights.send({ cmd: "get", topic: "run/x" }) ?? "", /may not publish on "run\/x"/);
  }
  assertEquals(rights.subscribe("vacuum/1"), undefined);
  assertMatch(rights.subscribe("vacuum/#") ?? "", /may subscribe to vacuum\/\+ only/);
  for (let i = 0; i < 10_000; i++) rights.send({ cmd: `c${i}`, to: "logger" });
  assertMatch(rights.send({ cmd: "put", to: "hv2" }) ?? "", /may not send "put"/);
});

Deno.test("a rights file is read", () => {
  const table = parseRights(
    `{
      "keys": {
        // what is left out has its default
        "shift": { "names": ["shift-*"], "may": ["run", "spy"] },
        "pi": {},
      },
      "open": { "to": [] },
    }`,
    "r.jsonc",
  );
  assertEquals(table.keys.get("shift"), {
    ...plainEntry("shift"),
    names: ["shift-*"],
    may: ["run", "spy"],
  });
  assertEquals(table.keys.get("pi"), plainEntry("pi"));
  assertEquals(table.open, { ...plainEntry("open"), names: ["*"], to: [] });
  assertEquals(parseRights("{}", "r.jsonc").keys.size, 0);
});

Deno.test("an answer to a run controller needs no right, the order does", () => {
  const rights = createRights("pi", plainEntry("pi"));
  for (const cmd of ["run-start", "run-stop", "safe", "safe-end"]) {
    assertEquals(rights.send({ cmd, to: "ccd1" }) === undefined, false, cmd);
    assertEquals(rights.send({ cmd, to: "run", re: "1" }), undefined, cmd);
    assertEquals(rights.send({ cmd, topic: "x", re: "1" }) === undefined, false, cmd);
  }
  assertEquals(rights.send({ cmd: "start", to: "run", re: "1" }) === undefined, false);
});

Deno.test("every mistake of a rights file is named with its line and column, all at once", () => {
  const error = assertThrows(() =>
    parseRights(
      `{
  "key": {},
  "keys": {
    "main": {},
    "No": {},
    "pi": {
      "name": ["pi"],
      "names": ["p i", 7],
      "to": "hv",
      "publish": ["a//b"],
      "may": ["exce", 1]
    }
  }
}`,
      "r.jsonc",
    ), FileError);
  assertEquals(error.problems, [
    'r.jsonc:2:3: unknown key "key" in the rights file, expected perhaps "keys"',
    'r.jsonc:4:5: "main" is the key that may do everything, expected the ID of another one',
    'r.jsonc:5:5: "No" is no ID of a key, expected 1 to 32 of a-z 0-9 -, not beginning with -',
    'r.jsonc:7:7: unknown key "name" in key pi, expected perhaps "names"',
    'r.jsonc:8:17: "names" of key pi has "p i": no name can be like that, expected names, with * for any characters',
    'r.jsonc:8:24: "names" of key pi has 7, expected names, with * for any characters',
    'r.jsonc:9:13: "to" of key pi is "hv", expected a list of names of clients, with * for any characters',
    'r.jsonc:10:19: "publish" of key pi has "a//b": it has an empty level (two slashes, or one at an end), expected topics, + and # allowed',
    'r.jsonc:11:15: "may" of key pi has "exce", which is no right, expected perhaps "exec"',
    'r.jsonc:11:23: "may" of key pi has 1, which is no right, expected one of exec, run, safe, spy, history, admin',
  ]);
});
