import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  MAX_TOPIC_LENGTH,
  problemWithSubscription,
  problemWithTopic,
  topicMatches,
} from "./topic.ts";

Deno.test("topicMatches() follows MQTT's rules", () => {
  const cases: [string, string, boolean][] = [
    ["a/b", "a/b", true],
    ["a/b", "a", false],
    ["a/b", "a/b/c", false],
    ["+", "a", true],
    ["+", "a/b", false],
    ["a/+", "a/b", true],
    ["a/+", "a", false],
    ["a/+/c", "a/b/c", true],
    ["a/+/c", "a/b/d", false],
    ["#", "a", true],
    ["#", "a/b/c", true],
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["a/#", "ab", false],
    ["a/b/#", "a", false],
    ["+/+", "a/b", true],
    ["+/b", "a/b", true],
  ];
  for (const [subscription, topic, expected] of cases) {
    assertEquals(topicMatches(subscription, topic), expected, `${subscription} on ${topic}`);
  }
});

Deno.test("topicMatches() gives topics of the protocol only to those who name them", () => {
  assert(!topicMatches("#", "_hub/joined"));
  assert(!topicMatches("+/joined", "_hub/joined"));
  assert(topicMatches("_hub/#", "_hub/joined"));
  assert(topicMatches("_hub/+", "_hub/joined"));
});

Deno.test("problemWithTopic() and problemWithSubscription() say what is wrong", () => {
  for (const good of ["a", "run/ccd1/state", "température/é"]) {
    assertEquals(problemWithTopic(good), undefined);
    assertEquals(problemWithSubscription(good), undefined);
  }
  for (const bad of ["", "/a", "a/", "a//b", "a\nb", "x".repeat(MAX_TOPIC_LENGTH + 1)]) {
    assert(problemWithTopic(bad) !== undefined, JSON.stringify(bad));
    assert(problemWithSubscription(bad) !== undefined, JSON.stringify(bad));
  }
  assertStringIncludes(problemWithTopic("a/+") ?? "", "only subscriptions");
  for (const good of ["+", "#", "a/+/b/#"]) assertEquals(problemWithSubscription(good), undefined);
  assertStringIncludes(problemWithSubscription("a/#/b") ?? "", "last level");
  assertStringIncludes(problemWithSubscription("a/b+") ?? "", "b+");
});
