// Which messages with `ack` were here before: their senders send them again when they got no receipt.

/**
 * Most messages of one sender that have no receipt: those that it may send again. So many of each
 * sender are remembered at least, twice as many at most.
 */
export const MAX_UNSAFE = 32_768;
/** Senders that are remembered; of more, those that were not heard for longest are forgotten. */
export const MAX_SENDERS = 256;

interface Sender {
  /** Ids, the newer ones and those before. */
  newer: Set<string>;
  older: Set<string>;
  /** Grows with each message of any sender. */
  used: number;
}

/** Makes a memory: tells whether this message was here before; from now on it was. */
export function createKnown(): (from: string, id: string) => boolean {
  const senders = new Map<string, Sender>();
  let count = 0;

  function newSender(from: string): Sender {
    if (senders.size >= MAX_SENDERS) {
      let oldest = "", used = Infinity;
      for (const [name, sender] of senders) {
        if (sender.used < used) [oldest, used] = [name, sender.used];
      }
      senders.delete(oldest);
    }
    const sender = { newer: new Set<string>(), older: new Set<string>(), used: 0 };
    senders.set(from, sender);
    return sender;
  }

  return (from, id) => {
    const sender = senders.get(from) ?? newSender(from);
    sender.used = ++count;
    if (sender.newer.has(id) || sender.older.has(id)) return true;
    sender.newer.add(id);
    if (sender.newer.size >= MAX_UNSAFE) {
      sender.older = sender.newer;
      sender.newer = new Set();
    }
    return false;
  };
}
