// Stand for a journal and a ledger that cannot be opened yet, as a disk that is mounted late. Until they
// are opened nothing is kept, and who wants to be sure is told so.

import type { HubLedger, Ledger } from "./ledger.ts";
import type { HubJournal } from "./page.ts";

/** What stands for something, until that is opened. */
export interface Late<T, Opened> {
  /** To be used in its place, before and after. */
  readonly stand: T;
  /** From now on it is there. */
  opened(it: Opened): void;
}

/**
 * Stands for a journal.
 *
 * @param why Why it cannot be opened, as of now.
 */
export function lateJournal(why: () => string): Late<HubJournal, HubJournal> {
  let journal: HubJournal | undefined;
  /** Messages that came before it was there, and the first number of those that it can have. */
  let lost = 0, from = 0;
  let progress = () => {};

  return {
    stand: {
      get seq() {
        // Before any number that it will give.
        return journal?.seq ?? -1;
      },
      backlog: {
        get bytes() {
          return journal?.backlog?.bytes ?? 0;
        },
        get limit() {
          return journal?.backlog?.limit ?? Infinity;
        },
        get isStopped() {
          return journal === undefined || journal.backlog?.isStopped === true;
        },
        onProgress: (listener) => void (progress = listener),
      },
      append(...message) {
        if (journal !== undefined) return journal.append(...message);
        lost++;
        return undefined;
      },
      synced(since) {
        if (journal === undefined) return Promise.reject(new Error(why()));
        if (since >= from) return journal.synced(since);
        return Promise.reject(new Error("it came before the journal could be opened"));
      },
      page(query, options) {
        if (journal !== undefined) return journal.page(query, options);
        return Promise.reject(new Error(`this hub keeps no journal: ${why()}`));
      },
      stats() {
        if (journal === undefined) return { stopped: why(), lost };
        const stats = journal.stats();
        return { ...stats, lost: lost + Number(stats.lost) };
      },
    },
    opened(it) {
      journal = it;
      from = it.seq + 1;
      it.backlog?.onProgress(progress);
    },
  };
}

/**
 * Stands for a ledger. What its file holds, and what the hub holds since, goes into it together.
 *
 * @param why Why it cannot be opened, as of now.
 */
export function lateLedger(why: () => string): Late<HubLedger, Ledger> {
  let ledger: Ledger | undefined;
  let snapshot: Parameters<HubLedger["rewriteFrom"]> | undefined;
  let takeIn: (lines: readonly string[]) => void = () => {};

  return {
    stand: {
      recall: () => [],
      recallLate: (listener) => void (takeIn = listener),
      rewriteFrom(...from) {
        snapshot = from;
      },
      append: (line) => ledger?.append(line),
      writeAnew: () => ledger?.writeAnew(),
      synced: () => ledger?.synced() ?? Promise.reject(new Error(why())),
      stats: () => ledger?.stats() ?? { bytes: 0, waiting: 0, stopped: why() },
    },
    opened(it) {
      ledger = it;
      takeIn(it.recall());
      if (snapshot === undefined) return;
      it.rewriteFrom(...snapshot);
      it.writeAnew();
    },
  };
}
