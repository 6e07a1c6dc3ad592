import { assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/harness.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { doubtsOf } from "./doubts.ts";

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
