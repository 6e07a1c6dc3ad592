import { assert, assertEquals, assertMatch } from "@std/assert";
import { createDoor, type DoorOptions } from "../keys/door.ts";
import { makeNonce, prove, type Role } from "../keys/handshake.ts";
import { deriveKey, type Key, keyText, makeMainKey, parseKey } from "../keys/key.ts";
import { plainEntry } from "../keys/rights.ts";
import type { Message } from "../message.ts";
import { seeded } from "../sim/random.ts";
import { MemoryConnection } from "../transport/memory.ts";
import { Hub, type HubOptions } from "./hub.ts";
import { below, mutatedText, oneOf } from "../../tests/fuzz_input.ts";

const main = makeMainKey();
const HUB = { hub: "lab", main };

function setup(door: Partial<DoorOptions> = {}, options: Partial<HubOptions> = {}) {
  const time = { now: 1_000_000 };
  const kept: string[] = [];
  const lock = createDoor({ ...HUB, ...door });
  const hub = new Hub({ name: "lab", clock: () => time.now, door: lock, ...options });
  const connect = (address = "10.0.0.2:1") => new MemoryConnection(hub.attach.bind(hub), address);
  return { hub, lock, time, connect, kept };
}

/** What the hub has to say next; it decides in its own time. */
async function next(client: MemoryConnection): Promise<Message[]> {
  for (let i = 0; i < 1000; i++) {
    const heard = client.heard();
    if (heard.length > 0 || client.ended !== undefined) return heard;
    await new Promise((resolve) => setTimeout(resolve));
  }
  throw new Error("the hub says nothing");
}

/** The proof for a challenge that came to this introduction. */
function proofFor(role: Role, key: Key, init: Message, challenge: Message | undefined) {
  return prove(role, key, {
    key: String(init.key),
    client: String(init.name),
    hub: "lab",
    clientNonce: String(init.nonce),
    hubNonce: String(challenge?.nonce),
    address: "memory:0",
    certificate: "",
  });
}

async function join(client: MemoryConnection, name: string, key = main): Promise<Message[]> {
  const init = { cmd: "_init", name, key: key.id, nonce: makeNonce() };
  client.say(init);
  const [challenge] = await next(client);
  assertEquals(challenge?.cmd, "_challenge");
  client.say({ cmd: "_proof", proof: await proofFor("client", key, init, challenge) });
  return await next(client);
}

Deno.test("entrance: what is said before the door has decided is taken in order behind it", async () => {
  const { connect, hub } = setup({ open: true });
  const client = connect();
  client.say({ cmd: "_init", name: "old" });
  client.say({ cmd: "_ping", id: "1" });
  client.say({ cmd: "_ping", id: "2" });
  assertEquals(client.heard(), []);
  const heard = await next(client);
  assertEquals(heard.map(({ cmd, re }) => [cmd, re]), [
    ["_welcome", undefined],
    ["_pong", "1"],
    ["_pong", "2"],
  ]);
  assertEquals(hub.clients().map(({ name }) => name), ["old"]);
});

Deno.test("entrance: too much of that is not kept, and who is gone meanwhile is gone", async () => {
  const { connect, hub } = setup({ open: true });
  const flood = connect();
  flood.say({ cmd: "_init", name: "flood" });
  for (let i = 0; i < 1001; i++) flood.say({ cmd: "_ping" });
  assertMatch(flood.ended ?? "", /too many messages/);
  const gone = connect();
  gone.say({ cmd: "_init", name: "gone" });
  gone.close("gone");
  const other = connect();
  assertEquals((await join(other, "other"))[0]?.cmd, "_welcome");
  assertEquals(hub.clients().map(({ name }) => name), ["other"]);
});

Deno.test("entrance: refusals of an address that fails often wait; a right key does not", async () => {
  const { connect, hub, time } = setup();
  for (let i = 0; i < 3; i++) {
    const client = connect();
    client.say({ cmd: "_init", name: "x" });
    assertEquals((await next(client))[0]?.code, "denied");
  }
  const fourth = connect("10.0.0.2:7");
  fourth.say({ cmd: "_init", name: "x" });
  const other = connect("10.0.0.3:7");
  other.say({ cmd: "_init", name: "x" });
  assertEquals((await next(other))[0]?.code, "denied");
  assertEquals((await join(connect(), "good"))[0]?.cmd, "_welcome");
  assertEquals(fourth.heard(), []);
  hub.tick(time.now += 500);
  assertEquals(fourth.heard(), []);
  hub.tick(time.now += 600);
  assertEquals(fourth.heard()[0]?.code, "denied");
  assert(fourth.ended !== undefined);
  assertEquals(hub.stats().denied, 5);
});

Deno.test("entrance: a _proof and a key have no meaning to who has joined", async () => {
  const { connect } = setup();
  const client = connect();
  await join(client, "a");
  client.say({ cmd: "_proof", proof: "0", id: "1" });
  client.say({ cmd: "_init", name: "a", key: keyText(main), id: "2" });
  assertEquals(client.heard().map(({ cmd, code, re }) => [cmd, code, re]), [
    ["_error", "denied", "1"],
    ["_welcome", undefined, "2"],
  ]);
});

Deno.test("fuzz: nobody comes in but by the right proof, whatever is said in whatever order", async () => {
  const pick = seeded(41);
  const pi = await deriveKey(main, "pi");
  const keys = [main, pi, makeMainKey(), { ...makeMainKey(), id: "pi" }];
  const rights = { keys: new Map([["pi", plainEntry("pi")]]), open: undefined };
  const { connect, hub, time } = setup({ rights });
  let welcomed = 0, denied = 0;
  for (let round = 0; round < 800; round++) {
    const client = connect(`10.0.${round >> 8}.${round & 255}:1`);
    const key = oneOf(pick, keys);
    const name = oneOf(pick, ["pi", "pi-2", "hv"]);
    const bend = (text: string) => below(pick, 8) === 0 ? mutatedText(pick, text) : text;
    const init = {
      cmd: "_init",
      name: bend(name),
      key: bend(key.id),
      nonce: bend(makeNonce()),
      ...(below(pick, 6) === 0 ? { address: bend("memory:0") } : {}),
    };
    client.say(init);
    const [challenge] = await next(client);
    let isRight = false;
    if (challenge?.cmd === "_challenge") {
      const role = below(pick, 6) === 0 ? "hub" : "client";
      const right = await proofFor(role, key, init, challenge);
      const proof = bend(right);
      isRight = proof === right && role === "client" && init.key === key.id &&
        (key === main || (key === pi && /^pi(-.*)?$/.test(init.name)));
      client.say(below(pick, 10) === 0 ? mutatedText(pick, "{}") : { cmd: "_proof", proof });
    }
    const [answer] = client.ended === undefined ? await next(client) : client.heard();
    if (answer?.cmd === "_welcome") {
      welcomed++;
      assert(isRight, JSON.stringify({ init, key: key.id }));
    } else denied++;
    client.close("done");
    hub.tick(time.now += 10_000);
  }
  assertEquals(hub.clients(), []);
  assert(welcomed > 50 && denied > 50, `${welcomed} came in, ${denied} did not`);
});

Deno.test("fuzz: a key's text is read as it was written, or refused without being shown", () => {
  const pick = seeded(42);
  const text = keyText(main);
  for (let i = 0; i < 50_000; i++) {
    const bent = mutatedText(pick, text);
    try {
      assertEquals(keyText(parseKey(bent)), bent.trim());
    } catch (error) {
      assert(error instanceof SyntaxError, String(error));
      assert(!error.message.includes(main.secret.slice(0, 8)));
    }
  }
});
