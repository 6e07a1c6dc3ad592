import { assertEquals, assertRejects } from "@std/assert";
import { within } from "../../tests/harness.ts";
import { makeCertificate } from "../tls/certificate.ts";
import { holdConnection } from "./connection.ts";
import { introduce } from "./introduction.ts";

Deno.test("who leaves waits for no hub that falls silent while TLS begins", async () => {
  const { certificate: cert, privateKey: key } = await makeCertificate(["hub"], new Date());
  using hub = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const shaken = hub.accept().then(async (conn) => {
    await conn.handshake().catch(() => {});
    conn.close();
  });
  // On the way to the hub: its certificate is shown; then the cable is pulled.
  using way = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const leaving = new AbortController();
  const silent = (async () => {
    const [asked, shown] = await Promise.all([way.accept(), Deno.connect({ port: hub.addr.port })]);
    await Promise.all([
      asked.readable.pipeTo(shown.writable).catch(() => {}),
      shown.readable.pipeTo(asked.writable).catch(() => {}),
    ]);
    const second = await way.accept();
    leaving.abort(new Error("it leaves"));
    return second;
  })();
  const said: string[] = [];
  const held = holdConnection(
    { host: "127.0.0.1", port: way.addr.port, tls: true },
    undefined,
    {
      init({ address, certificate }) {
        const message = { cmd: "_init", name: "hv" } as const;
        return {
          message,
          introduction: introduce({ found: undefined, name: "hv", address, certificate }),
        };
      },
      welcomed: () => void said.push("welcomed"),
      refused: () => void said.push("refused"),
      message: () => undefined,
      error: () => void said.push("error"),
    },
    leaving.signal,
  );
  await assertRejects(() => within(held, 3000, "the end"), Error, "it leaves");
  (await silent).close();
  await shaken;
  assertEquals(said, []);
});
