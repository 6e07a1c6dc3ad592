// Certificates of authorities that a client trusts beside those that Deno has: a laboratory's own.

import { environment } from "../environment.ts";
import { KeyFileError } from "../keys/key_file.ts";
import { decodePem } from "./der.ts";

/**
 * The certificates in a file: the one that is given, else the one that `ABCD_CA` names; `undefined` if
 * neither is.
 *
 * @returns As PEM, one after another.
 * @throws {KeyFileError} If the file cannot be read, or has no certificate in it.
 */
export function findAuthorities(options: { readonly ca?: string } = {}): string | undefined {
  const path = options.ca ?? environment("ABCD_CA");
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(`Cannot read the certificates of authorities ${path}: ${why}`);
  }
  if (decodePem("CERTIFICATE", text) === undefined) {
    throw new KeyFileError(
      `Cannot use the certificates of authorities ${path}: there is none in it as PEM`,
    );
  }
  return text;
}
