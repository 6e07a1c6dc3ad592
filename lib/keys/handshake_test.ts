import { assert, assertEquals, assertFalse, assertNotEquals, assertRejects } from "@std/assert";
import { isNonce, isProof, type Joining, makeNonce, plainAddress, prove } from "./handshake.ts";
import { deriveKey, makeMainKey } from "./key.ts";

function joining(changes: Partial<Joining> = {}): Joining {
  return {
    key: "main",
    client: "hv",
    hub: "lab",
    clientNonce: "AAAAAAAAAAAAAAAAAAAAAAAA",
    hubNonce: "BBBBBBBBBBBBBBBBBBBBBBBB",
    address: "10.0.0.1:9819",
    certificate: "",
    ...changes,
  };
}

Deno.test("each side's proof is taken by the other", async () => {
  const key = makeMainKey();
  for (const role of ["hub", "client"] as const) {
    assert(await isProof(role, key, joining(), await prove(role, key, joining())));
  }
});

Deno.test("a proof is worth nothing in another joining, role, address, or with another key", async () => {
  const key = makeMainKey();
  const others: Partial<Joining>[] = [
    { key: "other" },
    { client: "ccd1" },
    { hub: "false" },
    { clientNonce: makeNonce() },
    { hubNonce: makeNonce() },
    { clientNonce: joining().hubNonce, hubNonce: joining().clientNonce },
    { address: "10.0.0.2:9819" },
    { address: "10.0.0.1:9818" },
    { certificate: "of somebody else" },
  ];
  for (const [role, otherRole] of [["hub", "client"], ["client", "hub"]] as const) {
    const proof = await prove(role, key, joining());
    for (const change of others) {
      assertFalse(await isProof(role, key, joining(change), proof), JSON.stringify(change));
    }
    assertFalse(await isProof(otherRole, key, joining(), proof));
    for (const wrong of [makeMainKey(), await deriveKey(key, "monitor")]) {
      assertFalse(await isProof(role, wrong, joining(), proof));
    }
    for (const rubbish of ["", "!", "AAAA", `${proof}0`, proof.slice(1)]) {
      assertFalse(await isProof(role, key, joining(), rubbish), rubbish);
    }
  }
});

Deno.test("what has a line's end in it cannot pass for something else", async () => {
  const key = makeMainKey();
  await assertRejects(() => prove("hub", key, joining({ hub: "a\nb" })), TypeError, "line's end");
});

Deno.test("a nonce is new each time", () => {
  assert(isNonce(makeNonce()));
  assertNotEquals(makeNonce(), makeNonce());
  for (const bad of ["", "short", "!".repeat(24), "A".repeat(65)]) assertFalse(isNonce(bad), bad);
  assert(isNonce("0123456789abcdef0123456789abcdef"));
});

Deno.test("an address has one form", () => {
  assertEquals(plainAddress("127.0.0.1", 9819), "127.0.0.1:9819");
  assertEquals(plainAddress("::ffff:10.0.0.1", 1), "10.0.0.1:1");
  for (const host of ["[FE80::1]", "fe80::1", "fe80::1%eth0"]) {
    assertEquals(plainAddress(host, 2), "[fe80::1]:2");
  }
});
