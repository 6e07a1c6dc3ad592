import { assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/harness.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { doubtsOf } from "./doubts.ts";

Deno.test("doubtsOf: what only a shell understands, and names that are none for the hub", () => {
  const doubts = (run: object, more: object = {}) =>
    doubtsOf(parseExperiment(JSON.stringify({ ...more, run }), "/lab.jsonc")).map((text) =>
      text.replace(/^\S+ /, "")
    );
  const gets = (word: string) => [
    `program p gets ${word} as it stands, as no shell reads its command; if one is to: "shell": true`,
  ];
  for (
    const [line, word] of [
      ["echo 5 | cat", "|"],
      ["echo 5 -v | cat", "|"],
      ["echo 5 > data/out.txt", ">"],
      ["echo 5 >>out.txt", ">>out.txt"],
      ["echo 5 2>&1", "2>&1"],
      ["echo 5 &", "&"],
      ["cat $HOME/gain.txt", "$HOME/gain.txt"],
      ["~/bin/readout", "~/bin/readout"],
    ] as const
  ) {
    assertEquals(doubts({ p: { cmd: line } }), gets(word), line);
    assertEquals(doubts({ p: { cmd: line, shell: true } }), [], line);
  }
  for (
    const line of [
      "cut -d '|' file",
      `sh -c "echo $HOME | cat >out"`,
      `awk "{print $1}"`,
      "echo a->b x>y 5<6 'a & b' ~",
    ]
  ) assertEquals(doubts({ p: { cmd: line } }), [], line);
  assertEquals(doubts({ p: { cmd: "GAIN=2 cat" } }), [
    `GAIN=2 is no command, as no shell reads it: a variable of program p is "env": {"GAIN":"2"}`,
  ]);
  const names = ["run", "_run", "x".repeat(65), "x".repeat(64)];
  const run = Object.fromEntries(names.map((name) => [name, { cmd: "cat" }]));
  const [controller, , ...rest] = doubts(run);
  assertEquals(controller?.includes("program run has the controller's name"), true);
  assertEquals(rest.length, 1);
  assertEquals(doubts(run, { controller: "cold" }).length, 2);
});

Deno.test("doubtsOf: commands and folders that are not there, where they stand and what was meant", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/lab.jsonc`;
  Deno.mkdirSync(`${folder.path}/bin`);
  Deno.writeTextFileSync(`${folder.path}/bin/readout`, "#!/bin/sh\n", { mode: 0o755 });
  Deno.writeTextFileSync(`${folder.path}/notes`, "", { mode: 0o644 });
  Deno.writeTextFileSync(`${folder.path}/mine`, "#!/bin/sh\n", { mode: 0o755 });
  const lines = [
    `{"defaults": {"env": {"PATH": "/bin:${folder.path}/bin"}}, "run": {`,
    `"good": {"cmd": "readout"},`,
    `"own": {"cmd": "abcd sim hv"},`,
    `"near": {"cmd": "raedout -x"},`,
    `"path": {"cmd": "bin/readuot"},`,
    `"folder": {"cmd": "./bin"},`,
    `"mode": {"cmd": "./notes"},`,
    `"dot": {"cmd": "mine"},`,
    `"cwd": {"cmd": "readout", "cwd": "data"},`,
    `"shell": {"cmd": "no-such-thing", "shell": true},`,
    `"probe": {"cmd": "readout", "alive": {"exec": "no-such-thing 1"}},`,
    `"far": {"cmd": "no-such-thing", "host": "daq2"}`,
    `}}`,
  ];
  assertEquals(doubtsOf(parseExperiment(lines.join("\n"), file)), [
    `${file}:4:17: program near cannot be started: there is no command raedout, perhaps readout`,
    `${file}:5:17: program path cannot be started: there is no command bin/readuot, perhaps bin/readout`,
    `${file}:6:19: program folder cannot be started: ./bin is a folder, no program`,
    `${file}:7:17: program mode cannot be started: ./notes may not be executed (chmod +x ${folder.path}/notes)`,
    `${file}:8:16: program dot cannot be started: there is no command mine; the file in its folder is ./mine`,
    `${file}:9:34: the folder of program cwd is not there: ${folder.path}/data`,
    `${file}:11:38: "alive" of program probe cannot be started: there is no command no-such-thing`,
  ]);
});
