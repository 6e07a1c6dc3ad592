// The hub's door: who may come in, by which key, and with which rights. It opens no socket and reads
// no file; what it says to the client is handed on by the hub.

import type { InitMessage, ProofMessage } from "../message.ts";
import { isNonce, isProof, type Joining, makeNonce, prove } from "./handshake.ts";
import { deriveKey, isKeyId, isSameKey, type Key, MAIN_KEY_ID, parseKey } from "./key.ts";
import { createRights, type Entry, plainEntry, RIGHTS, type Rights } from "./rights.ts";
import { NO_RIGHTS, type RightsTable } from "./rights_file.ts";

/** Who was let in. */
export interface Pass {
  /** The ID of its key; `undefined`: it has shown none. */
  readonly key: string | undefined;
  /** What it may do; `undefined`: everything. */
  readonly rights: Rights | undefined;
}

/** What a connection knows of itself. */
export interface Place {
  /** Whether it came by plain TCP. */
  readonly isTcp: boolean;
  /** Where the client reached the hub, `IP:port`; see `plainAddress`. */
  readonly local: string;
  /** The fingerprint of the certificate on this connection; empty without TLS. */
  readonly certificate: string;
}

/** The hub's own proof, and what comes of the client's. */
export interface Challenge {
  readonly nonce: string;
  readonly proof: string;
  /** @throws {DeniedError} If the client does not have the key. */
  check(answer: ProofMessage): Promise<Pass>;
}

/** Somebody is not let in: why, and what to do. */
export class DeniedError extends Error {
  override name = "DeniedError";
}

/** Options of {@linkcode createDoor}. */
export interface DoorOptions {
  /** The hub's name. */
  readonly hub: string;
  readonly main: Key;
  readonly rights?: RightsTable;
  /** Who has no key is let in, and may do everything. */
  readonly open?: boolean;
  /** Who has no key is let in by plain TCP. */
  readonly openTcp?: boolean;
  /** Keys in plain text are taken. */
  readonly plainKeys?: boolean;
  /** Addresses by which clients reach the hub, beside its own: `host:port`. */
  readonly addresses?: readonly string[];
  /** Default: fills with bytes that nobody can guess. */
  readonly random?: (bytes: Uint8Array) => void;
}

/** The door. */
export interface Door {
  /**
   * What to do with who introduces itself: let it in, or challenge it.
   *
   * @throws {DeniedError} If neither.
   */
  meet(init: InitMessage, place: Place): Promise<Pass | Challenge>;
  /** Whether who has no key is let in there. */
  isOpen(isTcp: boolean): boolean;
  /** What a key may do now; a text: why it is worth nothing any more. */
  pass(key: string | undefined): Pass | string;
  /** From now on these rights hold. */
  setRights(table: RightsTable): void;
  /** From now on this is the main key. */
  setMain(main: Key): void;
}

/** What the hub says to who has no key. */
const NO_KEY =
  'This hub asks for a key. Show it with "abcd key" on the hub\'s computer, and copy it here: ' +
  'with "abcd key --set", in ABCD_KEY, or in a file named by --key-file';
/** What else may be done for a program that has no more than a socket. */
const OPEN_TCP =
  '; or have the hub take programs without a key by plain TCP, with "abcd server --open-tcp"';

/** What can be the address of a hub. It is said again in errors and in the log. */
const ADDRESS = /^[A-Za-z0-9.:[\]_-]{1,100}$/;

/** May everything that needs a right of its own, and may be called anything. */
const EVERYTHING: Entry = { ...plainEntry("open"), names: ["*"], may: RIGHTS };
/** Who comes in by an open plain TCP port while the rest of the hub has a lock. */
const ORDINARY: Entry = { ...plainEntry("open"), names: ["*"] };

/** Makes a door. */
export function createDoor(options: DoorOptions): Door {
  const { hub, open = false, openTcp = false, plainKeys = false, addresses = [], random } = options;
  let { main, rights: table = NO_RIGHTS } = options;
  let passes = new Map<string | undefined, Pass>();

  function withoutKey(): Pass {
    const entry = table.open ?? (open ? EVERYTHING : ORDINARY);
    return { key: undefined, rights: entry === EVERYTHING ? undefined : createRights("", entry) };
  }

  const isOpen = (isTcp: boolean) => open || (openTcp && isTcp);

  function pass(key: string | undefined): Pass | string {
    const known = passes.get(key);
    if (known !== undefined) return known;
    let made: Pass;
    if (key === undefined) made = withoutKey();
    else if (key === MAIN_KEY_ID) made = { key, rights: undefined };
    else {
      const entry = table.keys.get(key);
      if (entry === undefined) {
        return `This hub has no key "${key}": it is not, or no longer, in the hub's rights file`;
      }
      made = { key, rights: createRights(key, entry) };
    }
    passes.set(key, made);
    return made;
  }

  function passOf(key: string | undefined): Pass {
    const found = pass(key);
    if (typeof found === "string") throw new DeniedError(found);
    return found;
  }

  /** What was shown to be had is worth nothing if there is a new key meanwhile. */
  function checkMain(shown: Key): void {
    if (shown !== main) throw new DeniedError("The hub has a new key; join again with that");
  }

  async function takePlain(text: string): Promise<Pass> {
    const shown = main;
    let given: Key;
    try {
      given = parseKey(text);
    } catch {
      throw new DeniedError(
        'Cannot take the key: "key" is neither the ID of a key nor a whole key',
      );
    }
    if (!plainKeys) {
      throw new DeniedError(
        "This hub takes no key in plain text: everybody on the network can read it. Show that you " +
          "have it by the challenge; or the hub is started with --plain-keys",
      );
    }
    if (!await isSameKey(given, await deriveKey(shown, given.id))) {
      throw new DeniedError(`Cannot take the key: it is not the key "${given.id}" of this hub`);
    }
    checkMain(shown);
    return passOf(given.id);
  }

  return {
    isOpen,
    pass,
    setRights(next) {
      table = next;
      passes = new Map();
    },
    setMain(next) {
      main = next;
      passes = new Map();
    },
    async meet(init, place) {
      const { key: id, name: client, nonce: clientNonce, address = place.local } = init;
      if (id === undefined) {
        if (isOpen(place.isTcp)) return passOf(undefined);
        throw new DeniedError(place.isTcp ? NO_KEY + OPEN_TCP : NO_KEY);
      }
      if (!isKeyId(id)) return await takePlain(id);
      if (clientNonce === undefined || !isNonce(clientNonce)) {
        throw new DeniedError(
          'Cannot take the key: "nonce" is not 22 to 64 of A-Z a-z 0-9 _ -, new each time',
        );
      }
      if (!ADDRESS.test(address)) {
        throw new DeniedError(
          'Cannot take the key: "address" is not where you reached the hub, IP:port',
        );
      }
      if (address !== place.local && !addresses.includes(address)) {
        throw new DeniedError(
          `You reached this hub as ${address}, and it is ${place.local}: somebody between may be ` +
            `passing on what you say. If that is meant, the hub is started with --address ${address}`,
        );
      }
      // An open hub takes who has a key of some other hub as one of those who have none.
      if (typeof pass(id) === "string" && isOpen(place.isTcp)) return passOf(undefined);
      passOf(id);
      const shown = main;
      const key = await deriveKey(shown, id);
      const joining: Joining = {
        key: id,
        client,
        hub,
        clientNonce,
        hubNonce: makeNonce(random),
        address,
        certificate: place.certificate,
      };
      return {
        nonce: joining.hubNonce,
        proof: await prove("hub", key, joining),
        async check({ proof }) {
          if (!await isProof("client", key, joining, proof)) {
            throw new DeniedError(
              `Cannot take the proof: it is not that of the key "${id}" of this hub`,
            );
          }
          checkMain(shown);
          // The rights may have changed meanwhile.
          return passOf(id);
        },
      };
    },
  };
}
