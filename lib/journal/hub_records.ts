// What a hub keeps on the disk, opened together: the journal of all messages, and in its folder the
// ledger of mail and last values.

import type { Log } from "../log_contract.ts";
import { createJournal, type Journal, type JournalOptions } from "./journal.ts";
import { type HubLedger, type Ledger, openLedger } from "./ledger.ts";
import { type HubJournal, readPage } from "./page.ts";

/** Mail and last values, in the journal's folder: who holds the one holds the other. */
const LEDGER_FILE = "ledger.ndjson";

/** Options of {@linkcode openHubRecords}. */
export interface HubRecordsOptions {
  /** Where and how long messages are kept. */
  readonly journal: Omit<JournalOptions, "log" | "onAlarm">;
  readonly log: Log;
  /** Told what happens to one of them, for people. */
  readonly onAlarm: (of: "journal" | "ledger", state: string, text: string) => void;
}

/** Why something is not kept that should be. */
export interface MissingRecords {
  readonly journal?: string;
  readonly ledger?: string;
}

/** A hub's journal and ledger. Disposing of them waits until all is written. */
export interface HubRecords extends AsyncDisposable {
  /** `undefined`: there is none, as it could not be opened. */
  readonly journal: HubJournal | undefined;
  /** The same. */
  readonly ledger: HubLedger | undefined;
  /** Why there is none. */
  readonly missing: MissingRecords;
}

function asHubJournal(journal: Journal): HubJournal {
  return {
    get seq() {
      return journal.seq;
    },
    backlog: journal.backlog,
    append: journal.append,
    synced: (since) => journal.synced(since),
    page: (query, options) => readPage(journal, query, options),
    stats: () => journal.stats(),
  };
}

/** Opens both. One that cannot be opened is said to the log, and is no reason to be without a hub. */
export async function openHubRecords(options: HubRecordsOptions): Promise<HubRecords> {
  const { log, onAlarm } = options;
  let journal: Journal | undefined;
  let ledger: Ledger | undefined;
  let missing: MissingRecords = {};
  try {
    journal = await createJournal({
      ...options.journal,
      log,
      onAlarm: (state, text) => onAlarm("journal", state, text),
    });
    log.info(`journal in ${journal.folder}, ${journal.seq} messages so far`);
    ledger = await openLedger({
      path: `${journal.folder}/${LEDGER_FILE}`,
      log,
      onAlarm: (state, text) => onAlarm("ledger", state, text),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const what = journal === undefined ? "a journal" : "the ledger";
    const said = why.startsWith("Cannot")
      ? why
      : `Cannot write ${what} in ${options.journal.folder}: ${why}`;
    const without = journal === undefined ? "keeps no journal" : "holds mail in memory alone";
    const next = said.includes("--journal")
      ? ""
      : ": mend that, or name another folder with --journal, and start the hub again";
    log.error(`${said}; the hub ${without}${next}`);
    missing = journal === undefined ? { journal: said, ledger: said } : { ledger: said };
  }
  return {
    journal: journal === undefined ? undefined : asHubJournal(journal),
    ledger,
    missing,
    async [Symbol.asyncDispose]() {
      await ledger?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
    },
  };
}
