import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { InitMessage } from "../message.ts";
import { type Challenge, createDoor, DeniedError, type DoorOptions, type Place } from "./door.ts";
import { isProof, type Joining, makeNonce, prove } from "./handshake.ts";
import { deriveKey, type Key, keyText, makeMainKey } from "./key.ts";
import { plainEntry } from "./rights.ts";

const main = makeMainKey();
const WEB: Place = { isTcp: false, local: "10.0.0.1:9819", certificate: "" };
const TCP: Place = { ...WEB, isTcp: true, local: "10.0.0.1:9818" };
const RIGHTS = { keys: new Map([["pi", plainEntry("pi")]]), open: undefined };

function door(options: Partial<DoorOptions> = {}) {
  return createDoor({ hub: "lab", main, rights: RIGHTS, ...options });
}

function initOf(fields: Partial<InitMessage> = {}): InitMessage {
  return { cmd: "_init", name: "hv", key: "main", nonce: makeNonce(), ...fields };
}

async function challenge(one: ReturnType<typeof door>, init: InitMessage, place = WEB) {
  const met = await one.meet(init, place);
  assert("nonce" in met);
  const joining: Joining = {
    key: init.key ?? "",
    client: init.name,
    hub: "lab",
    clientNonce: init.nonce ?? "",
    hubNonce: met.nonce,
    address: init.address ?? place.local,
    certificate: place.certificate,
  };
  return { met, joining };
}
const proofOf = async (key: Key, joining: Joining) => ({
  cmd: "_proof" as const,
  proof: await prove("client", key, joining),
});
const denied = (met: Challenge, proof: string, words: string) =>
  assertRejects(() => met.check({ cmd: "_proof", proof }), DeniedError, words);

Deno.test("door: who shows a key is let in with its rights, and the hub has shown it first", async () => {
  const one = door();
  const { met, joining } = await challenge(one, initOf());
  assert(await isProof("hub", main, joining, met.proof));
  assertEquals(await met.check(await proofOf(main, joining)), { key: "main", rights: undefined });

  const pi = await deriveKey(main, "pi");
  const second = await challenge(one, initOf({ key: "pi" }));
  assert(await isProof("hub", pi, second.joining, second.met.proof));
  const pass = await second.met.check(await proofOf(pi, second.joining));
  assertEquals(pass.rights?.key, "pi");
});

Deno.test("door: a wrong key, another's proof, the hub's own, and one of another time are refused", async () => {
  const one = door();
  const init = initOf();
  const { met, joining } = await challenge(one, init);
  const right = await proofOf(main, joining);
  await denied(met, (await proofOf(makeMainKey(), joining)).proof, "not that of the key");
  await denied(met, met.proof, "not that of the key");
  await denied(met, "", "not that of the key");
  await denied(met, (await proofOf(main, { ...joining, client: "run" })).proof, "not that of");
  // The same introduction again gets another nonce.
  const again = await challenge(one, init);
  await denied(again.met, right.proof, "not that of the key");
  await assertRejects(() => one.meet(initOf({ key: "nobody" }), WEB), DeniedError, "no key");
  await assertRejects(() => one.meet(initOf({ nonce: "short" }), WEB), DeniedError, "nonce");
  await assertRejects(() => one.meet(initOf({ nonce: undefined }), WEB), DeniedError, "nonce");
});

Deno.test("door: the hub proves itself under its own addresses alone", async () => {
  const relayed = initOf({ address: "10.0.0.66:9819" });
  await assertRejects(() => door().meet(relayed, WEB), DeniedError, "--address 10.0.0.66:9819");
  const { met, joining } = await challenge(door({ addresses: ["10.0.0.66:9819"] }), relayed);
  assertEquals((await met.check(await proofOf(main, joining))).key, "main");
  for (const address of ["", "a b:1", "\x1b[2J:1", "1".repeat(101)]) {
    await assertRejects(
      () => door().meet(initOf({ address }), WEB),
      DeniedError,
      '"address" is not',
    );
  }
  // Asked without an address, it says its own: who reached another one sees that.
  const { address: _, ...silent } = initOf();
  const other = await challenge(door(), silent);
  const seen = { ...other.joining, address: "10.0.0.66:9819" };
  assertEquals(await isProof("hub", main, seen, other.met.proof), false);
});

Deno.test("door: without a key one comes in where it is open, with what is for those", async () => {
  const { key: _, nonce: __, ...bare } = initOf();
  await assertRejects(() => door().meet(bare, WEB), DeniedError, "abcd key");
  await assertRejects(() => door({ openTcp: true }).meet(bare, WEB), DeniedError, "asks for a key");
  await assertRejects(() => door().meet(bare, TCP), DeniedError, "--open-tcp");
  assertEquals(await door({ open: true }).meet(bare, WEB), { key: undefined, rights: undefined });
  const pass = await door({ openTcp: true }).meet(bare, TCP);
  assert("rights" in pass);
  assertMatch(
    pass.rights?.send({ cmd: "exec", to: "x" }) ?? "",
    /who has no key has no right "exec"/,
  );
  assertEquals(pass.rights?.name("run"), undefined);
  const open = { ...plainEntry("open"), names: ["old-*"] };
  const limited = await door({ open: true, rights: { keys: new Map(), open } }).meet(bare, WEB);
  assert("rights" in limited);
  assertMatch(limited.rights?.name("hv") ?? "", /it may be old-\*/);
  // Who has a key shows it there too.
  assert("nonce" in await door({ open: true }).meet(initOf(), WEB));
});

Deno.test("door: a key in plain text is taken where that was allowed", async () => {
  const plain = { cmd: "_init" as const, name: "hv", key: keyText(main) };
  const error = await assertRejects(() => door().meet(plain, TCP), DeniedError, "--plain-keys");
  assert(!error.message.includes(main.secret));
  const one = door({ plainKeys: true });
  assertEquals(await one.meet(plain, TCP), { key: "main", rights: undefined });
  const pi = keyText(await deriveKey(main, "pi"));
  const pass = await one.meet({ ...plain, key: pi }, TCP);
  assert("rights" in pass && pass.rights?.key === "pi");
  for (const key of [keyText(makeMainKey()), keyText({ ...makeMainKey(), id: "pi" }), "rubbish."]) {
    const wrong = await assertRejects(() => one.meet({ ...plain, key }, TCP), DeniedError);
    assert(!wrong.message.includes(key));
  }
});

Deno.test("door: rights and the main key change while it stands", async () => {
  const one = door();
  const pi = await deriveKey(main, "pi");
  const { met, joining } = await challenge(one, initOf({ key: "pi" }));
  one.setRights({ keys: new Map(), open: undefined });
  const proof = await proofOf(pi, joining);
  await denied(met, proof.proof, 'no key "pi"');
  assertEquals(typeof one.pass("pi"), "string");
  one.setRights(RIGHTS);
  assert(typeof one.pass("pi") === "object");
  const next = makeMainKey();
  const late = await challenge(one, initOf());
  one.setMain(next);
  // Who was challenged before shows an old key.
  await denied(late.met, (await proofOf(main, late.joining)).proof, "a new key");
  const second = await challenge(one, initOf());
  assert(await isProof("hub", next, second.joining, second.met.proof));
});
