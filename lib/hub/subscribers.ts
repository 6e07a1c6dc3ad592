// Who has subscribed to a topic, remembered for the topics that are in use.

import { HUB_NAME } from "../message.ts";
import { problemWithTopic, topicMatches } from "../topic.ts";

/** Topics remembered; past it all are looked up anew. */
const MAX_TOPICS = 10_000;

/** Whoever can subscribe. */
interface Subscriber {
  readonly topics: ReadonlySet<string>;
}

/** Subscribers by topic. */
export interface Subscribers<T extends Subscriber> {
  /** Who gets what is published on the topic, in the order they joined. */
  of(topic: string): readonly T[];
  /** The same; `undefined` if clients may not publish on it. */
  ofClients(topic: string): readonly T[] | undefined;
  /** Somebody came, went, or subscribed to something else. */
  changed(): void;
}

/** Whether the topic is one of the hub's own. */
export function isOfHub(topic: string): boolean {
  return topic === HUB_NAME || topic.startsWith(`${HUB_NAME}/`);
}

/** Makes the lookup; `all` gives everybody there is. */
export function createSubscribers<T extends Subscriber>(all: () => Iterable<T>): Subscribers<T> {
  const known = new Map<string, { readonly found: readonly T[]; readonly allowed: boolean }>();

  function lookUp(topic: string) {
    let entry = known.get(topic);
    if (entry !== undefined) return entry;
    const found: T[] = [];
    for (const one of all()) {
      for (const subscription of one.topics) {
        if (!topicMatches(subscription, topic)) continue;
        found.push(one);
        break;
      }
    }
    entry = { found, allowed: problemWithTopic(topic) === undefined && !isOfHub(topic) };
    if (known.size >= MAX_TOPICS) known.clear();
    known.set(topic, entry);
    return entry;
  }

  return {
    of: (topic) => lookUp(topic).found,
    ofClients(topic) {
      const { found, allowed } = lookUp(topic);
      return allowed ? found : undefined;
    },
    changed: () => known.clear(),
  };
}
