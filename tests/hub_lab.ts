// What unit tests of the hub share: a hub in memory, its clock, and what it keeps.

import { assertEquals } from "@std/assert";
import type { HubLedger } from "../lib/journal/ledger.ts";
import type { HubJournal, Kept } from "../lib/journal/page.ts";
import type { Message } from "../lib/message.ts";
import { MemoryConnection } from "../lib/transport/memory.ts";
import { Hub, type HubOptions } from "../lib/hub/hub.ts";

/** A ledger without a file; a test says when it is on the disk. */
export class MemoryLedger implements HubLedger {
  lines: string[];
  /** Why it is not on the disk; `undefined`: it is. */
  problem: string | undefined;
  #snapshot: () => Iterable<string> = () => [];

  constructor(lines: Iterable<string> = []) {
    this.lines = [...lines];
  }

  recall(): readonly string[] {
    return [...this.lines];
  }

  rewriteFrom(lines: () => Iterable<string>): void {
    this.#snapshot = lines;
  }

  append(line: string): void {
    this.lines.push(line);
  }

  synced(): Promise<void> {
    return this.problem === undefined ? Promise.resolve() : Promise.reject(new Error(this.problem));
  }

  stats() {
    return { bytes: 0, waiting: 0 };
  }

  /** What it would hold if it were written anew. */
  snapshot(): string[] {
    return [...this.#snapshot()];
  }

  /** The same, to be gone through bit by bit. */
  slices(): Iterator<string> {
    return this.#snapshot()[Symbol.iterator]();
  }
}

/** A journal without a file. */
export class MemoryJournal implements HubJournal {
  readonly messages: Message[] = [];
  problem: string | undefined;

  get seq(): number {
    return this.messages.length;
  }

  append(
    text: string | Uint8Array,
    _envelope: unknown,
    begin?: number,
    end?: number,
    tail?: Uint8Array,
  ): Kept {
    const decoder = new TextDecoder();
    const json = typeof text === "string"
      ? text
      : decoder.decode(text.subarray(begin, end)) + decoder.decode(tail);
    this.messages.push(JSON.parse(json));
    const bytes = new TextEncoder().encode(`${json}\n`);
    return { bytes, length: bytes.length };
  }

  synced(): Promise<void> {
    return this.problem === undefined ? Promise.resolve() : Promise.reject(new Error(this.problem));
  }

  page() {
    return Promise.resolve({ records: [], next: null });
  }

  stats() {
    return {};
  }
}

/** A hub in memory at a time that a test moves on. */
export function hubInMemory(options: Partial<HubOptions> = {}) {
  const time = { now: 1_000_000 };
  const hub = new Hub({ name: "test", clock: () => time.now, ...options });
  const connect = () => new MemoryConnection(hub.attach.bind(hub));
  /** Joins; what it is told stays to be heard. */
  const come = (name: string, more: { durable?: boolean } = {}) => {
    const client = connect();
    client.say({ cmd: "_init", name, ...more });
    return client;
  };
  /** Joins, and throws the welcome and all behind it away. */
  const join = (name: string, more: { durable?: boolean } = {}) => {
    const client = come(name, more);
    assertEquals(client.heard()[0]?.cmd, "_welcome");
    return client;
  };
  /** So many seconds go by, the clients alive. */
  const pass = (seconds: number, alive: readonly MemoryConnection[] = []) => {
    for (let i = 0; i < seconds; i++) {
      for (const client of alive) client.say({ cmd: "_pong" });
      hub.tick(time.now += 1000);
    }
  };
  return { hub, time, connect, come, join, pass };
}

/** A number in one of the groups of the hub's counters. */
export function factOf(hub: Hub, group: "mailboxes" | "lastValues", fact: string): unknown {
  return (hub.stats()[group] as { readonly [fact: string]: unknown })[fact];
}

/** All promises that are settled already have been seen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
