// The experiment file: JSONC in, checked settings out, or every error it has with its place.

import { type JsoncFile, type Node, openJsonc, suggest } from "../jsonc_file.ts";
import {
  bytes,
  type Field,
  type KeyTable,
  number,
  object,
  readKeys,
  text,
  texts,
} from "../jsonc_keys.ts";
import { isClientName } from "../message_form.ts";
import type { Program } from "./program.ts";
import { checkProgramKeys, readProgram } from "./program_keys.ts";
import { findCycles } from "./start_order.ts";

/** When a disk is an alarm. */
export interface DiskLimits {
  /** Folders to watch beside those of the logs, the state and the programs; absolute paths. */
  readonly folders: readonly string[];
  /** The same on the computers of host agents, by host. */
  readonly hostFolders: { readonly [host: string]: readonly string[] };
  /** Less room than this is a warning, in bytes. */
  readonly warnBytes: number;
  /** Less room than this is critical, in bytes. */
  readonly criticalBytes: number;
  /** Time between two looks, in seconds. */
  readonly periodSec: number;
}

/** An experiment file's content. */
export interface Experiment {
  readonly name: string;
  /** The controller's name in the hub. */
  readonly controller: string;
  /** In the order of the file. */
  readonly programs: readonly Program[];
  /** When the disks that it writes to are an alarm. */
  readonly disk: DiskLimits;
  /** The absolute path of the folder of the runs' records. Default: in the experiment's state. */
  readonly runFolder: string | undefined;
  /** Where a key of a program stands, `FILE:LINE:COLUMN`; without it, where the program does. */
  readonly place: (program: string, key: string) => string;
}

/** The file's keys, read. A new section of the file is one entry here and one in the table of `parseExperiment`. */
interface FileKeys {
  readonly experiment: string;
  readonly controller: string;
  readonly defaults: Node | undefined;
  readonly run: readonly Program[];
  readonly disk: Omit<DiskLimits, "hostFolders">;
  readonly runs: { readonly folder: string | undefined };
}

/** What holds where the file says nothing. */
export const DISK_LIMITS: DiskLimits = {
  folders: [],
  hostFolders: {},
  warnBytes: 10e9,
  criticalBytes: 3e9,
  periodSec: 30,
};

function readDefaults({ file, node }: Field): Node | undefined {
  if (node !== undefined) checkProgramKeys(file, node, "defaults");
  return node;
}

function readPrograms(field: Field, { folder }: { readonly folder: string }): Program[] {
  const { file, node, owner, sibling } = field;
  if (node === undefined) {
    file.problem(owner, `there is no "run", expected an object of programs`);
    return [];
  }
  const defaults = sibling("defaults");
  const members = file.members(node, `"run"`);
  const names = members.map(({ name }) => name);
  const programs: Program[] = [];
  for (const member of members) {
    const { key, name } = member;
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
      const expected = `letters, digits, "_", "-", "."`;
      file.problem(key, `"${name}" is no name of a program, expected ${expected}`);
    }
    programs.push(
      readProgram(file, member, defaults?.type === "object" ? defaults : undefined, {
        folder,
        names,
      }),
    );
  }
  return programs;
}

/** A folder of another computer: `daq2:/data`. */
const HOST_FOLDER = /^([A-Za-z0-9][A-Za-z0-9_.@-]*):(\/.*)$/;

/** Folders; relative to that of the file. */
function readFolders(field: Field, { folder }: { readonly folder: string }): string[] {
  return texts([])(field, undefined).map((path) =>
    path.startsWith("/") || HOST_FOLDER.test(path) ? path : `${folder}/${path}`
  );
}

/** Gives each host its folders, if a program runs there. */
function splitFolders(
  file: JsoncFile,
  { folders, ...limits }: FileKeys["disk"],
  programs: readonly Program[],
): DiskLimits {
  const hosts = new Set(programs.flatMap(({ host }) => host ?? []));
  const here: string[] = [];
  const there = new Map<string, string[]>();
  for (const [i, folder] of folders.entries()) {
    const [, host, path = ""] = HOST_FOLDER.exec(folder) ?? [];
    if (host === undefined) here.push(folder);
    else if (hosts.has(host)) there.set(host, [...there.get(host) ?? [], path]);
    else {
      file.problem(
        file.find(["disk", "folders", i]),
        `no program has the host "${host}", expected ${
          suggest(host, [...hosts], "the host of a program")
        }`,
      );
    }
  }
  return { ...limits, folders: here, hostFolders: Object.fromEntries(there) };
}

/** `"runs": {"folder": "runs"}`: where the records of data-taking runs are. */
function readRuns(field: Field, { folder }: { readonly folder: string }): FileKeys["runs"] {
  const { folder: path } = object({ folder: text("") }, { folder: "" })(field, undefined);
  if (path === "") return { folder: undefined };
  return { folder: path.startsWith("/") ? path : `${folder}/${path}` };
}

/** The controller's name in the hub. */
function readController(field: Field): string {
  const name = text("run")(field, undefined);
  if (isClientName(name)) return name;
  field.wrong('a name for the hub: letters, digits, "_", "-", "."');
  return name;
}

function checkCircles(file: JsoncFile, programs: readonly Program[]): void {
  for (const cycle of findCycles(programs)) {
    file.problem(
      file.find(["run", cycle[0] ?? "", "dependsOn"]),
      `programs wait for each other in a circle: ${cycle.join(" → ")}, expected no circle`,
    );
  }
}

/**
 * Reads an experiment file's text; `path` is its absolute path.
 *
 * @throws {FileError} With every problem of the file.
 */
export function parseExperiment(source: string, path: string): Experiment {
  const folder = path.slice(0, path.lastIndexOf("/")) || (path.startsWith("/") ? "/" : ".");
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.jsonc?$/, "");
  const table: KeyTable<FileKeys, { readonly folder: string }> = {
    experiment: text(base),
    controller: readController,
    defaults: readDefaults,
    run: readPrograms,
    disk: object<FileKeys["disk"], { readonly folder: string }>({
      folders: readFolders,
      warnBytes: bytes(DISK_LIMITS.warnBytes),
      criticalBytes: bytes(DISK_LIMITS.criticalBytes),
      periodSec: number(DISK_LIMITS.periodSec, 0.1),
    }, DISK_LIMITS),
    runs: readRuns,
  };
  const file = openJsonc(source, path);
  const { experiment, controller, run, disk, runs } = readKeys(table, {
    file,
    object: file.root,
    what: "the experiment file",
    context: { folder },
  });
  checkCircles(file, run);
  const limits = splitFolders(file, disk, run);
  file.finish();
  const place = (program: string, key: string) =>
    file.place(
      file.find(["run", program, key]) ?? file.find(["defaults", key]) ??
        file.find(["run", program]) ?? file.root,
    );
  return {
    name: experiment,
    controller,
    programs: run,
    disk: limits,
    runFolder: runs.folder,
    place,
  };
}
