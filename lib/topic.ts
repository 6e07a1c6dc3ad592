// Topics and subscriptions: levels separated by "/", wildcards as in MQTT 3.1.1, section 4.7.

/** Longest topic or subscription, in characters. */
export const MAX_TOPIC_LENGTH = 256;

// deno-lint-ignore no-control-regex -- control characters are what it refuses
const FORBIDDEN = /[\u0000-\u001f\u007f]/;

function problemWithText(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (text.length > MAX_TOPIC_LENGTH) return `it is longer than ${MAX_TOPIC_LENGTH} characters`;
  if (FORBIDDEN.test(text)) return "it has a control character";
  if (text.split("/").includes("")) return "it has an empty level (two slashes, or one at an end)";
  return undefined;
}

/**
 * What is wrong with a topic that a message is published on, as words that follow "the topic is
 * not valid:"; `undefined` if nothing is.
 */
export function problemWithTopic(topic: string): string | undefined {
  if (/[+#]/.test(topic)) return "it has + or #, which only subscriptions may";
  return problemWithText(topic);
}

/** The same for a subscription, which may have `+` for one level and `#` for all that follow. */
export function problemWithSubscription(subscription: string): string | undefined {
  const problem = problemWithText(subscription);
  if (problem !== undefined) return problem;
  const levels = subscription.split("/");
  for (const [i, level] of levels.entries()) {
    if (level.length > 1 && /[+#]/.test(level)) return `"${level}" is neither + nor # nor a name`;
    if (level === "#" && i !== levels.length - 1) return "# is not its last level";
  }
  return undefined;
}

/**
 * Whether a subscription takes a topic. As in MQTT `a/#` takes `a` too, and a wildcard in the first
 * place does not take a topic of the protocol's own (`_hub/…`): those must be asked for by name.
 */
export function topicMatches(subscription: string, topic: string): boolean {
  if (subscription === topic) return true;
  const wanted = subscription.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("_") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return levels.length >= i;
    if (i >= levels.length || (level !== "+" && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
