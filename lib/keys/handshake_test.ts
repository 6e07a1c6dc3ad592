import { assert, assertEquals, assertFalse, assertNotEquals } from "@std/assert";
import {
  isClientProof,
  isHubProof,
  isNonce,
  type Joining,
  makeNonce,
  proveClient,
  proveHub,
} from "./handshake.ts";
import { deriveKey, makeMainKey } from "./key.ts";

function joining(changes: Partial<Joining> = {}): Joining {
  return {
    key: "main",
    client: "hv",
    hub: "lab",
    clientNonce: "AAAAAAAAAAAAAAAAAAAAAAAA",
    hubNonce: "BBBBBBBBBBBBBBBBBBBBBBBB",
    ...changes,
  };
}

Deno.test("each side's proof is taken by the other", async () => {
  const key = makeMainKey();
  assert(await isHubProof(key, joining(), await proveHub(key, joining())));
  const proof = await proveClient(key, joining(), "10.0.0.1:9819");
  assert(await isClientProof(key, joining(), "10.0.0.1:9819", proof));
});

Deno.test("a proof is worth nothing in another joining, role, address, or with another key", async () => {
  const key = makeMainKey();
  const hubProof = await proveHub(key, joining());
  const proof = await proveClient(key, joining(), "10.0.0.1:9819");
  const others: Partial<Joining>[] = [
    { key: "other" },
    { client: "ccd1" },
    { hub: "false" },
    { clientNonce: makeNonce() },
    { hubNonce: makeNonce() },
  ];
  for (const change of others) {
    assertFalse(await isHubProof(key, joining(change), hubProof), JSON.stringify(change));
    assertFalse(await isClientProof(key, joining(change), "10.0.0.1:9819", proof));
  }
  assertFalse(await isClientProof(key, joining(), "10.0.0.2:9819", proof));
  assertFalse(await isClientProof(key, joining(), "", hubProof));
  assertFalse(await isHubProof(key, joining(), proof));
  for (const wrong of [makeMainKey(), await deriveKey(key, "monitor")]) {
    assertFalse(await isHubProof(wrong, joining(), hubProof));
    assertFalse(await isClientProof(wrong, joining(), "10.0.0.1:9819", proof));
  }
  for (const rubbish of ["", "!", "AAAA", `${hubProof}A`, hubProof.slice(1)]) {
    assertFalse(await isHubProof(key, joining(), rubbish), rubbish);
  }
});

Deno.test("names that hold quotes cannot pass for other names", async () => {
  const key = makeMainKey();
  const proof = await proveHub(key, joining({ client: 'a","b', hub: "c" }));
  assertFalse(await isHubProof(key, joining({ client: "a", hub: 'b","c' }), proof));
});

Deno.test("a nonce is new each time", () => {
  assert(isNonce(makeNonce()));
  assertNotEquals(makeNonce(), makeNonce());
  for (const bad of ["", "short", "!".repeat(24)]) assertEquals(isNonce(bad), false);
});
