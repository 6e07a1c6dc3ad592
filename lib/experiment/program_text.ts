// A program's settings written out again as the keys of an experiment file: what a controller sends
// to the computer that is to run it, which reads them as it would read a file.

import type { Json, JsonObject } from "../message.ts";
import type { Probe, Program } from "./program.ts";

function probeKeys({ check, timeoutSec, periodSec, failures }: Probe): JsonObject {
  const numbers = { timeoutSec, periodSec, failures };
  switch (check.kind) {
    case "client":
      return { client: check.client, ...numbers };
    case "status": {
      const { client, states, maxAgeSec } = check;
      return { status: { state: [...states], client, maxAgeSec }, ...numbers };
    }
    case "logLine":
      return { logLine: check.pattern, ...numbers };
    case "tcp":
      return {
        tcp: `${check.host.includes(":") ? `[${check.host}]` : check.host}:${check.port}`,
        ...numbers,
      };
    case "file":
      return { file: check.path, ...numbers };
    case "exec":
      return { exec: [...check.argv], ...numbers };
  }
}

/**
 * The keys that give a program these settings, but for those of its controller alone: what it waits
 * for, where it runs, whether it starts by itself, and its part in data-taking runs. Paths that were
 * relative still are.
 */
export function programKeys(program: Program): JsonObject {
  const {
    name: _name,
    argv,
    host: _host,
    via: _via,
    autostart: _autostart,
    dependsOn: _dependsOn,
    withDependency: _withDependency,
    runOrder: _runOrder,
    required: _required,
    essential: _essential,
    transitionSec: _transitionSec,
    config: _config,
    ready,
    alive,
    ...same
  } = program;
  const rest: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(same)) if (value !== undefined) rest[key] = value;
  return {
    cmd: [...argv],
    autostart: false,
    ...rest,
    ...(ready === undefined ? {} : { ready: probeKeys(ready) }),
    ...(alive === undefined ? {} : { alive: probeKeys(alive) }),
  };
}
