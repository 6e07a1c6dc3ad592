// Before a connection gets a name: does it have a key? The hub's door decides, and may take its time;
// what the client says meanwhile is held.
//
//   introduced   its _init goes to the door: it is let in, challenged, or denied
//   proven       its _proof goes there too: it is let in, or denied
//   denied       at once, or later if its address has failed often

import { DeniedError, type Door, type Pass } from "../keys/door.ts";
import { isKeyId } from "../keys/key.ts";
import { createFailures } from "../keys/failures.ts";
import { asToHub, type InitMessage, type Message, MessageError } from "../message.ts";
import { type Client, type Entering, whoIs } from "./client.ts";
import type { Counters } from "./counters.ts";
import { plainText } from "../plain_text.ts";
import type { Leaving } from "./leaving.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";

/** The way past the door. */
export interface Entrance {
  /** An introduction. */
  introduced(client: Client, init: InitMessage): void;
  /**
   * The message behind the introduction.
   *
   * @throws {MessageError} If it is no `_proof`.
   */
  proven(client: Client, entering: Entering, message: Message): void;
  /** It may not come in, or not under this name. */
  denied(client: Client, text: string): void;
  /** Tells those that are denied, if it is time. */
  look(client: Client, now: number): void;
}

/** Parts of the hub that the entrance works with. */
export interface EntranceParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly post: Post;
  readonly leaving: () => Leaving;
  /** Goes on with who is let in. */
  readonly admitted: (client: Client, init: InitMessage, pass: Pass) => void;
  /** Takes what was held while the door decided. */
  readonly release: (client: Client) => void;
}

/** Who may everything, where there is no door. */
const ANYBODY: Pass = { key: undefined, rights: undefined };
/** After so many failures of one address only every hundredth is worth a line. */
const LOGGED = 10;

/** What is said of a denial, in characters. */
const MOST_TEXT = 1000;

/** The host in `host:port`. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

/** Makes the entrance of a hub. */
export function createEntrance(parts: EntranceParts): Entrance {
  const { settings, counters, post, leaving, admitted, release } = parts;
  const { clock, log, door } = settings;
  const failures = createFailures();

  function denied(client: Client, words: string): void {
    const text = plainText(words, MOST_TEXT);
    const { address } = client.connection;
    const host = hostOf(address);
    const now = clock();
    const wait = failures.add(host, now);
    const count = failures.of(host, now);
    counters.denied++;
    if (count <= LOGGED || count % 100 === 0) {
      const { name = "", key } = client.entering?.init ?? {};
      // Neither a whole key in plain text nor rubbish is for the log.
      const [id = ""] = key?.split(".", 1) ?? [];
      const shown = isKeyId(id) ? id : undefined;
      log.warn(`denied: ${text}`, { address, name, key: shown, failures: count });
      const line = `Denied ${JSON.stringify(name)} from ${address} (${count} times): ${text}`;
      post.publish("_hub/log", { cmd: "log", level: "warn", text: line });
    }
    if (client.entering === undefined || wait === 0) {
      return leaving().turnAway(client, "denied", text, client.entering?.init.id);
    }
    client.entering.deciding = true;
    client.entering.refusal = { at: now + wait, text };
  }

  /** Does with the door's answer what is to be done, if the client is still there. */
  function decide<T>(
    client: Client,
    entering: Entering,
    answer: Promise<T>,
    then: (answer: T) => void,
  ) {
    entering.deciding = true;
    answer.then((given) => {
      if (client.gone) return;
      entering.deciding = false;
      then(given);
    }).catch((error) => {
      if (client.gone) return;
      if (error instanceof DeniedError) return denied(client, error.message);
      if (error instanceof MessageError) {
        return leaving().turnAway(client, error.code, error.message, entering.init.id);
      }
      log.error(`Cannot decide about ${whoIs(client)}: ${error}`);
      leaving().turnAway(client, "denied", "Cannot let you in: the hub failed", entering.init.id);
    });
  }

  function letIn(client: Client, { init }: Entering, pass: Pass): void {
    admitted(client, init, pass);
  }

  function meet(client: Client, init: InitMessage, door: Door): void {
    const entering: Entering = {
      init,
      deciding: true,
      challenge: undefined,
      refusal: undefined,
    };
    client.entering = entering;
    const { transport, local, certificate } = client.connection;
    const place = { isTcp: transport === "tcp", local, certificate };
    decide(client, entering, door.meet(init, place), (met) => {
      if (!("nonce" in met)) return letIn(client, entering, met);
      entering.challenge = met;
      const { nonce, proof } = met;
      post.say(client, { cmd: "_challenge", hub: settings.name, nonce, proof, re: init.id });
      release(client);
    });
  }

  return {
    denied,
    introduced(client, init) {
      if (door === undefined) admitted(client, init, ANYBODY);
      else meet(client, init, door);
    },
    proven(client, entering, message) {
      const { challenge } = entering;
      if (message.cmd !== "_proof" || challenge === undefined) {
        const text = `Cannot take ${message.cmd}: the hub waits for _proof`;
        throw new MessageError("not-joined", text, "cmd", message.id);
      }
      const proof = asToHub(message);
      if (proof.cmd !== "_proof") return;
      entering.challenge = undefined;
      decide(client, entering, challenge.check(proof), (pass) => letIn(client, entering, pass));
    },
    look(client, now) {
      const { refusal, init } = client.entering ?? {};
      if (refusal === undefined || now < refusal.at) return;
      leaving().turnAway(client, "denied", refusal.text, init?.id);
    },
  };
}
