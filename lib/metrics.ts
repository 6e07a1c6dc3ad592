// What Prometheus reads at /metrics: the hub's counters in its text format, version 0.0.4. Pure.

import type { HubStats } from "./message.ts";

/** The media type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What the text tells. */
export interface MetricsOptions {
  /** The hub's name. */
  readonly hub: string;
  readonly version: string;
  readonly stats: HubStats;
  /** Memory of the process, in bytes. */
  readonly residentBytes: number;
}

type Labels = { readonly [name: string]: string };
type Sample = readonly [value: number, labels?: Labels, suffix?: string];

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** A family: its help, its type, its samples; nothing if it has none. */
function family(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([value, labels = {}, suffix = ""]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${name}${suffix}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function numberOf(value: unknown): readonly Sample[] {
  return typeof value === "number" ? [[value]] : [];
}

/** The text for Prometheus. */
export function metricsText({ hub, version, stats, residentBytes }: MetricsOptions): string {
  const { journal, ledger, pings } = stats;
  const counter = (name: string, value: unknown, help: string) =>
    family(`abcd_${name}_total`, "counter", help, numberOf(value));
  const gauge = (name: string, value: unknown, help: string) =>
    family(`abcd_${name}`, "gauge", help, numberOf(value));
  const stopped = (of: { readonly stopped?: unknown } | undefined) =>
    of && (of.stopped === undefined ? 0 : 1);
  return [
    family("abcd_build_info", "gauge", "The hub and its version; always 1.", [
      [1, { hub, version }],
    ]),
    gauge("uptime_seconds", stats.uptime, "Time since the hub started."),
    counter("restarts", stats.restarts, "Times that the watchdog has started the hub again."),
    family("process_resident_memory_bytes", "gauge", "Memory of the hub's process.", [
      [residentBytes],
    ]),
    counter("messages_routed", stats.messages, "Messages that came from clients and were taken."),
    counter("messages_delivered", stats.delivered, "Messages given to clients."),
    counter("received_bytes", stats.bytes, "Bytes of messages from clients."),
    counter("sent_bytes", stats.sentBytes, "Bytes of messages given to clients."),
    gauge("connections", stats.connections, "Connections, joined or not."),
    gauge("clients", stats.clients, "Clients that have joined."),
    gauge("queued_bytes", stats.queued, "Bytes that wait for clients to read them."),
    gauge("queued_bytes_max", stats.queuedMost, "Bytes that wait for the slowest client."),
    gauge("queue_limit_bytes", stats.queueLimit, "A client for which more waits is closed."),
    counter("slow_consumers", stats.slowConsumers, "Clients closed because they did not read."),
    counter("silent_clients", stats.timeouts, "Clients closed because they said nothing."),
    counter("pauses", stats.pauses, "Times that a client was not read, as the journal was behind."),
    counter("paused_seconds", stats.pausedSec, "How long clients were not read for that."),
    gauge("paused_clients", stats.paused, "Clients that are not read now for that."),
    family(
      "abcd_refusals_total",
      "counter",
      "Messages refused with _error, by its code.",
      Object.entries(stats.refusals).map(([code, count]) => [count, { code }]),
    ),
    counter("denials", stats.denied, "Joinings and messages denied for want of a key or a right."),
    counter("acknowledged", stats.acknowledged, "Messages answered with a receipt."),
    counter("not_safe", stats.notSafe, "Messages that could not be made safe."),
    counter("mailed", stats.mailed, "Messages put into mailboxes."),
    counter("undelivered", stats.undelivered, "Messages dropped from mailboxes as too old."),
    gauge("mailboxes", stats.mailboxes.names, "Mailboxes of durable clients."),
    gauge("mailbox_messages", stats.mailboxes.waiting, "Messages that wait in mailboxes."),
    gauge("mailbox_bytes", stats.mailboxes.bytes, "Bytes that wait in mailboxes."),
    gauge("last_value_topics", stats.lastValues.topics, "Topics with a last value that is kept."),
    gauge("last_value_bytes", stats.lastValues.bytes, "Bytes of last values."),
    family(
      "abcd_ping_round_trip_seconds",
      "histogram",
      "From the hub's ping to the client's answer.",
      [
        ...pings.buckets.map(([le, count]): Sample => [count, { le: String(le) }, "_bucket"]),
        [pings.count, { le: "+Inf" }, "_bucket"],
        [pings.sum, {}, "_sum"],
        [pings.count, {}, "_count"],
      ],
    ),
    gauge("journal_stopped", stopped(journal), "1: nothing is written now, as the disk is full."),
    counter("journal_messages", journal?.seq, "Number of the last message in the journal."),
    gauge("journal_lag_seconds", journal?.lag, "How long the oldest message waits for the disk."),
    gauge("journal_waiting_bytes", journal?.waiting, "Bytes that wait for the disk."),
    gauge("journal_bytes", journal?.bytes, "Bytes of the journal's files."),
    gauge("journal_segments", journal?.segments, "The journal's files."),
    counter("journal_lost", journal?.lost, "Messages that the journal did not keep."),
    counter("journal_damaged", journal?.damaged, "Stretches that were not as they were written."),
    gauge("ledger_stopped", stopped(ledger), "1: mail and last values are not written now."),
    gauge("ledger_bytes", ledger?.bytes, "Bytes of the file with mail and last values."),
    gauge("ledger_waiting", ledger?.waiting, "Records of it that wait for the disk."),
  ].join("");
}
