// A laboratory's own authority for certificates, made with openssl in a folder of the test.

import { assert } from "@std/assert";

const CONFIG = `
[ca]
default_ca = lab
[lab]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

/** Whether there is an openssl. */
export async function hasOpenssl(): Promise<boolean> {
  return await new Deno.Command("openssl", { args: ["version"] }).output().then(
    ({ success }) => success,
    () => false,
  );
}

/** An authority that signs certificates. */
export interface Authority {
  /** The file with its own certificate. */
  readonly file: string;
  /**
   * Signs a certificate for these names, and writes it and its private key over these files.
   *
   * @param names As `DNS:daq.lab` or `IP:127.0.0.1`.
   * @param days From when on it is good, and how long, in days from now.
   */
  sign(
    files: { readonly cert: string; readonly key: string },
    names: readonly string[],
    days?: readonly [from: number, until: number],
  ): Promise<void>;
}

/** Makes one in this folder. */
export async function makeAuthority(folder: string): Promise<Authority> {
  async function openssl(...args: string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: folder }).output();
    assert(success, `openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  Deno.writeTextFileSync(`${folder}/ca.cnf`, CONFIG);
  Deno.writeTextFileSync(`${folder}/index.txt`, "");
  Deno.writeTextFileSync(`${folder}/index.txt.attr`, "unique_subject = no\n");
  await openssl(
    ...["req", "-x509", ...newKey, "-subj", "/CN=the laboratory", "-days", "30"],
    ...["-keyout", "ca.key", "-out", "ca.pem"],
  );
  return {
    file: `${folder}/ca.pem`,
    async sign({ cert, key }, names, [from, until] = [-1, 30]) {
      await openssl(
        ...["req", "-new", ...newKey, "-subj", "/CN=hub", "-keyout", key, "-out", "asked.csr"],
        ...["-addext", `subjectAltName=${names.join(",")}`],
      );
      const at = (days: number) =>
        new Date(Date.now() + days * 86_400_000).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
      await openssl(
        ...["ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem"],
        ...["-keyfile", "ca.key", "-startdate", at(from), "-enddate", at(until)],
        ...["-in", "asked.csr", "-out", cert],
      );
    },
  };
}
