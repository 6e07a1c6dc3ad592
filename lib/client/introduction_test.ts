import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Challenge, createDoor } from "../keys/door.ts";
import { makeNonce } from "../keys/handshake.ts";
import { type Key, makeMainKey } from "../keys/key.ts";
import { introduce, type IntroductionOptions, UnprovenError } from "./introduction.ts";

const main = makeMainKey();
const ADDRESS = "10.0.0.1:9819";

function client(changes: Partial<IntroductionOptions> = {}) {
  const found = { key: main, from: "/home/a/.config/abcd/key" };
  return introduce({ found, name: "hv", address: ADDRESS, certificate: "", ...changes });
}

/** What the hub with this key says to the client; `local`: where that hub thinks it was reached. */
async function challengeOf(one: ReturnType<typeof client>, key: Key, local = ADDRESS) {
  const door = createDoor({ hub: "lab", main: key });
  const place = { isTcp: false, local, certificate: "" };
  const met: unknown = await door.meet({ cmd: "_init", name: "hv", ...one.fields }, place);
  const { nonce, proof, check } = met as Challenge;
  return { challenge: { cmd: "_challenge" as const, hub: "lab", nonce, proof }, check };
}

Deno.test("a client and its hub find each other right", async () => {
  const one = client();
  const { challenge, check } = await challengeOf(one, main);
  assertEquals(one.proven, false);
  const answer = await one.answer(challenge);
  assertEquals((await check(answer)).key, "main");
  assert(one.proven);
  one.welcomed("lab");
});

Deno.test("a hub without the key gets no proof and no client", async () => {
  const one = client();
  const { challenge } = await challengeOf(one, makeMainKey());
  const error = await assertRejects(() => one.answer(challenge), UnprovenError, "abcd key --set");
  assert(!error.message.includes(main.secret));
  assertThrows(() => one.welcomed("lab"), UnprovenError, "has not shown");
  assertThrows(() => client().welcomed("lab"), UnprovenError, "has not shown");
  const rubbish = { cmd: "_challenge" as const, hub: "lab", nonce: makeNonce(), proof: "" };
  for (const change of [{}, { nonce: "" }, { hub: "a\nb" }, { proof: "0".repeat(64) }]) {
    await assertRejects(() => client().answer({ ...rubbish, ...change }), UnprovenError);
  }
});

Deno.test("a false hub that asks the true one has nothing to show", async () => {
  // The client reached the false one at 10.0.0.66, which passes everything on as it came …
  const one = client({ address: "10.0.0.66:9819" });
  await assertRejects(() => challengeOf(one, main), Error, "10.0.0.66:9819");
  // … or says what the true hub wants to hear.
  const { nonce, key } = one.fields;
  const door = createDoor({ hub: "lab", main });
  const init = { cmd: "_init" as const, name: "hv", key, nonce, address: ADDRESS };
  const met = await door.meet(init, { isTcp: false, local: ADDRESS, certificate: "" });
  assert("nonce" in met);
  const { nonce: hubNonce, proof } = met;
  const challenge = { cmd: "_challenge" as const, hub: "lab", nonce: hubNonce, proof };
  await assertRejects(() => one.answer(challenge), UnprovenError, "10.0.0.66:9819");
});

Deno.test("which hubs are joined unproven", async () => {
  client({ found: undefined }).welcomed("lab");
  client({ open: true }).welcomed("lab");
  client({ found: undefined, open: true }).welcomed("lab");
  assertThrows(
    () => client({ found: undefined, open: false }).welcomed("x"),
    UnprovenError,
    "no key",
  );
  assertThrows(() => client({ open: false }).welcomed("x"), UnprovenError);
  // Its name is a part of the proof; the one that was asked for is taken alone.
  const one = client({ hub: "other" });
  const { challenge } = await challengeOf(one, main);
  await assertRejects(() => one.answer(challenge), UnprovenError, 'not the hub "other"');
});
