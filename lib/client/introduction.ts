// The client's side of joining: it shows the key without sending it, and only to a hub that has shown
// it first. See lib/keys/handshake.ts.

import { isNonce, isProof, type Joining, makeNonce, prove } from "../keys/handshake.ts";
import type { FoundKey } from "../keys/key_file.ts";
import type { ChallengeMessage, ProofMessage } from "../message.ts";

/** The code with which a client refuses a hub that has not shown that it has the key. */
export const UNPROVEN = "unproven";

/** A hub that has not shown that it has the key: what is the case, and what to do. */
export class UnprovenError extends Error {
  override name = "UnprovenError";
}

/** Options of {@linkcode introduce}. */
export interface IntroductionOptions {
  /** The key to show, if there is one. */
  readonly found: FoundKey | undefined;
  /**
   * Whether to join a hub that does not prove itself. Default: only if there is no key that it could
   * prove itself with.
   */
  readonly open?: boolean;
  /** The name that the client asks for. */
  readonly name: string;
  /** Where the hub was reached, see `plainAddress`. */
  readonly address: string;
  /** The fingerprint of its certificate; empty without TLS. */
  readonly certificate: string;
  /** The name that the hub must have. */
  readonly hub?: string;
}

/** One attempt to join. */
export interface Introduction {
  /** What `_init` says of the key. */
  readonly fields: { readonly key?: string; readonly nonce?: string; readonly address?: string };
  /** Whether the hub has shown that it has the key. */
  readonly proven: boolean;
  /**
   * Looks at the hub's proof; gives the client's.
   *
   * @throws {UnprovenError} If it is not right.
   */
  answer(challenge: ChallengeMessage): Promise<ProofMessage>;
  /**
   * The hub says welcome.
   *
   * @throws {UnprovenError} If it should have proven itself, and has not.
   */
  welcomed(hub: string): void;
}

/** Why a client that must be shown a key and has none itself joins nobody. */
export const NO_KEY_TO_CHECK =
  "there is no key here, and without one nobody can tell the true hub from a false one. Show it with " +
  '"abcd key" on the hub\'s computer and copy it here ("abcd key --set"), or give --open to trust ' +
  "any hub";

/** Begins an attempt to join. */
export function introduce(options: IntroductionOptions): Introduction {
  const { found, open, name, address, certificate } = options;
  const nonce = makeNonce();
  let proven = false;

  function unproven(hub: string, what: string): UnprovenError {
    return new UnprovenError(
      `Cannot trust the hub ${JSON.stringify(hub.slice(0, 80))} at ${address}: ${what}. If it is ` +
        'yours, its key is another one: show it with "abcd key" on its computer, and copy it here ' +
        '("abcd key --set"); or give --open to join it all the same',
    );
  }

  return {
    fields: found === undefined ? {} : { key: found.key.id, nonce, address },
    get proven() {
      return proven;
    },
    async answer({ hub, nonce: hubNonce, proof }) {
      if (found === undefined) throw unproven(hub, "it asks for a key that it was not told of");
      if (options.hub !== undefined && options.hub !== hub) {
        throw unproven(hub, `it is not the hub "${options.hub}"`);
      }
      const { key } = found;
      const joining: Joining = {
        key: key.id,
        client: name,
        hub,
        clientNonce: nonce,
        hubNonce,
        address,
        certificate,
      };
      const isRight = !hub.includes("\n") && isNonce(hubNonce) &&
        await isProof("hub", key, joining, proof);
      if (!isRight) {
        throw unproven(hub, `it does not have the key "${key.id}" of this program (${found.from})`);
      }
      proven = true;
      return { cmd: "_proof", proof: await prove("client", key, joining) };
    },
    welcomed(hub) {
      if (proven || (open ?? found === undefined)) return;
      if (found === undefined) throw new UnprovenError(`Cannot join: ${NO_KEY_TO_CHECK}`);
      throw unproven(
        hub,
        `it has not shown that it has the key "${found.key.id}" of this program (${found.from})`,
      );
    },
  };
}
