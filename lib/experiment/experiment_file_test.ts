import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../jsonc_file.ts";
import { parseExperiment } from "./experiment_file.ts";
import { programKeys } from "./program_text.ts";

Deno.test("parseExperiment merges the defaults and fills in the rest", () => {
  const { name, controller, programs } = parseExperiment(
    `{ // comment
      "defaults": {"restartSec": 3, "env": {"A": "1", "B": "1"}},
      "run": {"x": {"cmd": "sleep 1", "env": {"B": "2"}}, "y": {"cmd": ["a b"], "restartSec": 4},},
    }`,
    "/e/lab.jsonc",
  );
  assertEquals([name, controller], ["lab", "run"]);
  assertEquals(programs.map(({ argv }) => argv), [["sleep", "1"], ["a b"]]);
  assertEquals(programs.map(({ restartSec }) => restartSec), [3, 4]);
  assertEquals(programs[0]?.env, { A: "1", B: "2" });
  assertEquals(programs[0]?.cwd, "/e");
});

Deno.test("parseExperiment tells of all errors with their places", () => {
  const error = assertThrows(
    () =>
      parseExperiment(
        `{"run": {
  "a": {"cmd": "x", "restrat": "no", "dependsOn": {"b": "ready"}},
  "b": {"cmd": "x", "dependsOn": {"a": "started", "cc": "ready"}, "stopSec": "1"},
  "c": {"host": "-x", "cmd": "x", "ready": {"tcp": 0}}
}}`,
        "/e/f",
      ),
    FileError,
  );
  assertEquals(error.problems, [
    `/e/f:2:21: unknown key "restrat" in program a, expected perhaps "restart"`,
    `/e/f:2:51: programs wait for each other in a circle: a → b → a, expected no circle`,
    `/e/f:3:51: program b depends on "cc", which is not in the file, expected perhaps "c"`,
    `/e/f:3:78: "stopSec" of program b is "1", expected a number, 0 or more: 1`,
    `/e/f:4:17: "host" of program c is "-x", expected the name of a host agent, or for ssh a host or user@host`,
    `/e/f:4:52: "tcp" of "ready" of program c is 0, expected a port, or "host:port"`,
  ]);
});

Deno.test("parseExperiment tells of what is missing, once", () => {
  const problems = (text: string) =>
    assertThrows(() => parseExperiment(text, "/e/f"), FileError).problems;
  assertEquals(problems(`{"run": {"a": 5, "b": {}, "c": {"cmd": "x", "ready": {"status": {}}}}}`), [
    `/e/f:1:15: program a is 5, expected an object`,
    `/e/f:1:23: program b has no "cmd", expected one`,
    `/e/f:1:65: "status" of "ready" of program c has no "state", ` +
    `expected a state, or a list of states`,
  ]);
});

Deno.test("parseExperiment tells of broken JSON", () => {
  const error = assertThrows(() => parseExperiment(`{"run": {]}`, "/e/f"), FileError);
  assertEquals(error.problems[0]?.startsWith("/e/f:1:"), true);
});

Deno.test("programKeys: what is sent to a host is read there as it was here", () => {
  const text = `{"run": {"a": {
    "cmd": "x 'y z'", "host": "h", "cwd": "sub", "env": {"A": "b"}, "screen": true,
    "dependsOn": {"b": "ready"}, "withDependency": true, "restart": "no", "stopSignal": "SIGINT",
    "successExitCodes": [0, 3], "memoryMaxBytes": 5, "log": {"maxBytes": 7, "backups": 1},
    "required": true, "config": {"a": 1},
    "ready": {"tcp": "[::1]:80", "timeoutSec": 3}, "alive": {"exec": "a b", "failures": 9}
  }, "b": {"cmd": "x", "host": "h", "ready": {"file": "f"}, "alive": {"logLine": "q"}},
  "c": {"cmd": "x", "host": "h", "ready": {"client": "k"}, "alive": {"file": "/f"}},
  "d": {"cmd": "x", "host": "h", "ready": {"status": "ok"},
    "alive": {"status": {"state": ["ok", "busy"], "client": "z", "maxAgeSec": 9}}}}}`;
  for (const program of parseExperiment(text, "/e/f").programs) {
    const sent = JSON.stringify({ run: { [program.name]: programKeys(program) } });
    const [read] = parseExperiment(sent, "/lab/settings").programs;
    const path = (one: string) => one.startsWith("/") ? one : `/lab/${one}`;
    const { ready } = program;
    assertEquals(read, {
      ...program,
      host: undefined,
      cwd: program.cwd === "." ? "/lab" : path(program.cwd),
      autostart: false,
      dependsOn: {},
      withDependency: false,
      required: false,
      config: {},
      ready: ready?.check.kind === "file"
        ? { ...ready, check: { kind: "file", path: path(ready.check.path) } }
        : ready,
    });
  }
});

Deno.test("parseExperiment reads every probe", () => {
  const probe = (text: string) =>
    parseExperiment(`{"run": {"a": {"cmd": "x", "ready": ${text}}}}`, "/e/f").programs[0]?.ready;
  const times = { timeoutSec: 90, periodSec: 1, failures: 3 };
  assertEquals(probe(`{"client": "a"}`), { check: { kind: "client", client: "a" }, ...times });
  const tcp = { kind: "tcp", host: "127.0.0.1", port: 5025 } as const;
  assertEquals(probe(`{"tcp": 5025}`), { check: tcp, ...times });
  assertEquals(probe(`{"tcp": "[::1]:5025"}`), { check: { ...tcp, host: "::1" }, ...times });
  assertEquals(probe(`{"file": "up"}`), { check: { kind: "file", path: "/e/up" }, ...times });
  assertEquals(probe(`{"logLine": "^up$"}`), {
    check: { kind: "logLine", pattern: "^up$" },
    ...times,
  });
  assertEquals(probe(`{"exec": "ping -c 1 h", "periodSec": 2}`), {
    check: { kind: "exec", argv: ["ping", "-c", "1", "h"] },
    ...times,
    periodSec: 2,
  });
  const status = { kind: "status", client: "a", states: ["up"], maxAgeSec: 0 } as const;
  assertEquals(probe(`{"status": "up"}`), { check: status, ...times });
  assertEquals(probe(`{"status": ["up", "busy"]}`)?.check, { ...status, states: ["up", "busy"] });
  assertEquals(probe(`{"status": {"state": "up", "client": "b", "maxAgeSec": 5}}`)?.check, {
    ...status,
    client: "b",
    maxAgeSec: 5,
  });
  for (const bad of [`{"status": {"stat": "up"}}`, `{"status": []}`, `{"status": 1}`]) {
    assertThrows(() => probe(bad), FileError);
  }
  for (const bad of [`{"logLine": "("}`, `{"tcp": 70000}`, `{"exec": ""}`, `{}`, `{"file": 1}`]) {
    assertThrows(() => probe(bad), FileError);
  }
});

Deno.test("a file from Windows, with a byte order mark and CR LF, is read; an empty one is named so", () => {
  const { programs } = parseExperiment(
    '\uFEFF{\r\n"run": {"a": {"cmd": "x"}}\r\n}\r\n',
    "/lab.jsonc",
  );
  assertEquals(programs.map(({ name }) => name), ["a"]);
  for (const nothing of ["", "\n", "\uFEFF"]) {
    assertThrows(() => parseExperiment(nothing, "/lab.jsonc"), FileError, "1:1: the file is empty");
  }
  assertThrows(
    () => parseExperiment('\uFEFF{"rum": {}}', "/lab.jsonc"),
    FileError,
    "/lab.jsonc:1:2: ",
  );
});

Deno.test("parseExperiment gives each host the folders to watch there", () => {
  const read = (folders: readonly string[]) =>
    parseExperiment(
      JSON.stringify({
        disk: { folders },
        run: {
          a: { cmd: "a", host: "daq2" },
          b: { cmd: "b", host: "me@old", via: "ssh" },
        },
      }),
      "/lab/x.jsonc",
    ).disk;
  const { folders, hostFolders } = read([
    "data",
    "/d",
    "daq2:/data",
    "daq2:/raw",
    "a:b",
    "me@old:/x",
  ]);
  assertEquals(folders, ["/lab/data", "/d", "/lab/a:b"]);
  assertEquals(hostFolders, { daq2: ["/data", "/raw"], "me@old": ["/x"] });
  const problemOf = (folder: string) => assertThrows(() => read([folder]), FileError).message;
  assertEquals(
    problemOf("daq3:/data"),
    `/lab/x.jsonc:1:21: no program has the host "daq3", expected perhaps "daq2"`,
  );
});

Deno.test("parseExperiment: fifteen ways to mistype, each with its place and what was meant", () => {
  const program = (keys: string) => `{"run": {"ccd": {"cmd": "x", ${keys}}}}`;
  const cases: readonly (readonly [text: string, problem: string])[] = [
    [
      program(`"dependson": {}`),
      `1:30: unknown key "dependson" in program ccd, expected perhaps "dependsOn"`,
    ],
    [
      program(`"restartSec": "5 s"`),
      `1:44: "restartSec" of program ccd is "5 s", expected a number, 0 or more: 5`,
    ],
    [
      program(`"stopSignal": "term"`),
      `1:44: "stopSignal" of program ccd is "term", expected perhaps "SIGTERM"`,
    ],
    [
      `{"run": {"a": {"cmd": "x"}, "b": {"cmd": "x", "dependsOn": {"a": "raedy"}}}}`,
      `1:66: "dependsOn.a" of program b is "raedy", expected perhaps "ready"`,
    ],
    [
      `{"run": {\n  "a": {"cmd": "x"},\n  "a": {"cmd": "x"}}}`,
      `3:3: "a" is there twice, expected once`,
    ],
    [
      `{\r\n\t"run": {\r\n\t\t"a": {"cmd": "x", "restrat": "no"}}}\r\n`,
      `3:21: unknown key "restrat" in program a, expected perhaps "restart"`,
    ],
    [`{"run": {}}\nhello\n`, `2:1: hello stands behind the end, expected nothing`],
    [
      `{"run": {\n "a": {"cmd": "x"}\n "b": {}}}`,
      `3:2: there is no "," before "b": {}}}, expected one`,
    ],
    [
      `{"run": {\n "a": {"cmd": "x},\n "b": {}}}`,
      `2:15: the text "x}, is not closed with " in its line`,
    ],
    [`{'run': {}}`, `1:2: a text in ' stands here, expected it in "`],
    [`run:\n  a:\n    cmd: x\n`, `1:1: the key run has no quotes, expected "run":`],
    [program(`"autostart": True`), `1:43: True is no value, expected true`],
    [
      program(`"config": ${"[".repeat(100_000)}`),
      `1:137: it is nested more than 100 deep, expected less`,
    ],
    [`{"run": {"a": {"cmd": "x"}`, `1:27: an object is not closed, expected "}"`],
    [
      String.raw`{"run": {"a": {"cmd": "C:\daq\x.exe"}}}`,
      String.raw`1:23: a \ in this text does not stand for a character, expected \\ for itself`,
    ],
    [
      String.raw`{"run": {"a": {"cmd": "x\u0000"}}}`,
      String.raw`1:23: "cmd" of program a is "x\u0000", expected a command line or a list of texts`,
    ],
    [
      `{"controller": "run now", "run": {}}`,
      `1:16: "controller" of the experiment file is "run now", ` +
      `expected a name for the hub: letters, digits, "_", "-", "."`,
    ],
  ];
  for (const [text, problem] of cases) {
    const { problems } = assertThrows(() => parseExperiment(text, "/e/f"), FileError);
    assertEquals(problems, [`/e/f:${problem}`]);
  }
});
