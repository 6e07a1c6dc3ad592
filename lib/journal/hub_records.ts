// What a hub keeps on the disk, opened together: the journal of all messages, and in its folder the
// ledger of mail and last values.

import type { Log } from "../log_contract.ts";
import { pause } from "../pause.ts";
import { inOwnWords } from "../permissions.ts";
import { reasonOf } from "./files.ts";
import { createJournal, type Journal, type JournalOptions } from "./journal.ts";
import { type HubLedger, type Ledger, openLedger } from "./ledger.ts";
import { lateJournal, lateLedger } from "./late_records.ts";
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
  /** How soon it is tried again to open them, in milliseconds. Default: 1000. */
  readonly retryMs?: number;
}

/** A hub's journal and ledger. Disposing of them waits until all is written. */
export interface HubRecords extends AsyncDisposable {
  readonly journal: HubJournal;
  readonly ledger: HubLedger;
}

/** It is tried again after so long, and twice as long each time, up to the most. */
const RETRY_MS = 1000, MOST_RETRY_MS = 30_000;

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

/**
 * Opens both. One that cannot be opened is said to the log, and is no reason to be without a hub: it is
 * tried again now and then, and until then nothing is kept in it.
 */
export async function openHubRecords(options: HubRecordsOptions): Promise<HubRecords> {
  const { log, onAlarm, retryMs = RETRY_MS } = options;
  let journal: Journal | undefined;
  let ledger: Ledger | undefined;

  /** Opens what is not open; returns what cannot be, and why. */
  async function open(): Promise<string | undefined> {
    try {
      journal ??= await createJournal({
        ...options.journal,
        log,
        onAlarm(state, text) {
          onAlarm("journal", state, text);
          // The folder may be another one now.
          if (state === "resumed") ledger?.writeAnew();
        },
      });
      ledger ??= await openLedger({
        path: `${journal.folder}/${LEDGER_FILE}`,
        log,
        onAlarm: (state, text) => onAlarm("ledger", state, text),
      });
    } catch (error) {
      const why = inOwnWords(reasonOf(error));
      if (why.startsWith("Cannot")) return why;
      const what = journal === undefined ? "a journal" : "the ledger";
      return `Cannot write ${what} in ${options.journal.folder}: ${why}`;
    }
  }
  const inFolder = ({ folder, seq }: Journal) => `journal in ${folder}, ${seq} messages so far`;

  let problem = await open() ?? "";
  const why = () => problem;
  const laterJournal = lateJournal(why), laterLedger = lateLedger(why);
  const forHub = {
    journal: journal === undefined ? laterJournal.stand : asHubJournal(journal),
    ledger: ledger ?? laterLedger.stand,
  };
  if (journal !== undefined) log.info(inFolder(journal));
  if (problem !== "") {
    const without = journal === undefined ? "keeps no journal" : "holds mail in memory alone";
    const next = problem.includes("--journal") ? "" : ", or name another folder with --journal";
    log.error(`${problem}; the hub ${without} and tries it again now and then: mend that${next}`);
  }

  function sayOpened(of: "journal" | "ledger", text: string): void {
    log.warn(text);
    onAlarm(of, "resumed", text);
  }

  const ending = new AbortController();
  async function tryAgain(): Promise<void> {
    for (let ms = retryMs; problem !== ""; ms = Math.min(2 * ms, MOST_RETRY_MS)) {
      await pause(ms, ending.signal);
      if (ending.signal.aborted) return;
      const hadJournal = journal !== undefined;
      problem = await open() ?? "";
      if (journal !== undefined && !hadJournal) {
        laterJournal.opened(asHubJournal(journal));
        sayOpened("journal", `${inFolder(journal)}; what was said until now is not kept`);
      }
      if (ledger === undefined) continue;
      laterLedger.opened(ledger);
      sayOpened("ledger", "The ledger is open; what is promised now outlives the hub");
    }
  }
  const trying = tryAgain();

  return {
    ...forHub,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await trying;
      await ledger?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
    },
  };
}
