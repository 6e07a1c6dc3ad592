import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CERTIFICATE_NAME, fingerprint, isFingerprint, makeCertificate } from "./certificate.ts";
import { decodePem, encodePem, integer, objectId } from "./der.ts";
import { askCertificate, certificateIn, clientHello } from "./hello.ts";
import { readSubject } from "./subject.ts";
import { whyNotTaken } from "./take_certificate.ts";

const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("DER is that of the standard's examples", () => {
  assertEquals(hex(objectId("1.2.840.113549")), "06062a864886f70d");
  assertEquals(hex(integer(Uint8Array.of(0, 0, 1))), "020101");
  assertEquals(hex(integer(Uint8Array.of(0x80))), "02020080");
  const bytes = crypto.getRandomValues(new Uint8Array(300));
  assertEquals(decodePem("X", `text\n${encodePem("X", bytes)}`), bytes);
  assertEquals(decodePem("Y", encodePem("X", bytes)), undefined);
});

/** A server with this certificate that answers each line with itself; its end is that of all who came. */
function serve(
  tls: { certificate: string; privateKey: string },
): { readonly port: number } & AsyncDisposable {
  const { certificate: cert, privateKey: key } = tls;
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const served = (async () => {
    const all: Promise<void>[] = [];
    try {
      for await (const conn of listener) {
        all.push(conn.readable.pipeTo(conn.writable).catch(() => {}));
      }
    } catch {
      // it is closed
    }
    await Promise.all(all);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

Deno.test("a certificate of our own is taken by who has asked for it, and no other is", async () => {
  const [own, other] = await Promise.all([
    makeCertificate(["daq"], new Date()),
    makeCertificate(["daq"], new Date()),
  ]);
  await using server = serve(own);
  const address = { hostname: "127.0.0.1", port: server.port };
  const der = await askCertificate(address, 10);
  assertEquals(der, decodePem("CERTIFICATE", own.certificate));
  assert(isFingerprint(await fingerprint(der)));
  for (const hostname of [CERTIFICATE_NAME, "localhost", "daq"]) {
    const caCerts = [encodePem("CERTIFICATE", der)];
    using conn = await Deno.startTls(await Deno.connect(address), { hostname, caCerts });
    await conn.write(new TextEncoder().encode("hello"));
    const buffer = new Uint8Array(5);
    assertEquals(await conn.read(buffer), 5);
  }
  for (const [hostname, cert] of [["evil", own], [CERTIFICATE_NAME, other]] as const) {
    using conn = await Deno.startTls(await Deno.connect(address), {
      hostname,
      caCerts: [cert.certificate],
    });
    let why = "";
    await conn.handshake().catch((error) => why = String(error));
    assert(/certificate/i.test(why), why);
  }
});

Deno.test("a certificate says its names and its time; what is none is none, wherever it is cut", async () => {
  const made = await makeCertificate(["daq", "daq.lab"], new Date("2026-11-24T06:12:03Z"));
  const der = decodePem("CERTIFICATE", made.certificate);
  assert(der !== undefined);
  assertEquals(readSubject(der), {
    names: ["abcd", "localhost", "daq", "daq.lab"],
    notBefore: Date.parse("2026-11-23T06:12:03Z"),
    notAfter: Date.parse("2049-12-31T23:59:59Z"),
  });
  const why = (words: string, at: string, authorities?: string) =>
    whyNotTaken(new Error(words), der, authorities, Date.parse(at)).message;
  assertMatch(why("Expired", "2050-01-02"), /good until 2049-12-31: renew it/);
  assertMatch(why("NotValidYet", "2026-11-22"), /good from 2026-11-23 on: this computer's clock/);
  assertMatch(why("UnknownIssuer", "2027-01-01"), /of an authority .* not know: copy/);
  assertMatch(why("UnknownIssuer", "2027-01-01", "pem"), /nor is it in the file of --ca/);
  assertMatch(why("CaUsedAsEndEntity", "2027-01-01"), /CA:FALSE/);
  assertEquals(why("reset by peer", "2027-01-01"), "reset by peer");
  for (let i = 0; i < der.length; i++) {
    try {
      readSubject(der.subarray(0, i));
    } catch (error) {
      assertMatch(String(error), /it is no certificate/);
    }
  }
});

Deno.test("what is no answer of TLS is none, wherever it is cut", () => {
  assert(clientHello(new Uint8Array(32)).length > 60);
  const text = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  assertThrows(() => certificateIn(text), Error, "TLS");
  assertThrows(() => certificateIn(Uint8Array.of(21, 3, 3, 0, 2, 2, 40)), Error, "TLS");
  const record = Uint8Array.of(22, 3, 3, 0, 13, 11, 0, 0, 9, 0, 0, 6, 0, 0, 3, 7, 8, 9);
  assertEquals(certificateIn(record), Uint8Array.of(7, 8, 9));
  for (let i = 0; i < record.length; i++) {
    assertEquals(certificateIn(record.subarray(0, i)), undefined);
  }
  // Seeded noise behind a right beginning: an error or nothing, never more.
  let seed = 1;
  const random = () => seed = (seed * 48271) % 2147483647;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: random() % 60 }, () => random() & 0xff);
    if (bytes.length > 5) bytes.set([22, 3, 3, 0, random() % 50]);
    try {
      certificateIn(bytes);
    } catch (error) {
      assert(error instanceof Error);
    }
  }
});
