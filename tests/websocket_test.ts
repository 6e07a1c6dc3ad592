// The hub's WebSocket against clients that others wrote: npm ws, Deno's own, and a browser.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { seeded } from "../lib/sim/random.ts";
import { PATIENCE_MS, Running, TestHub, until, within } from "./harness.ts";
import { namesAt } from "./raw_client.ts";

/** As much of npm ws as is used; the package has no types of its own. */
interface WsSocket {
  readonly extensions: string;
  readonly readyState: number;
  on(event: string, call: (...args: never[]) => void): void;
  send(data: string | Buffer, options?: { fin?: boolean; binary?: boolean; mask?: boolean }): void;
  ping(data: string): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}
type WsOptions = {
  perMessageDeflate?: boolean | { threshold: number };
  generateMask?: (mask: Uint8Array) => void;
};
const { default: Ws } = await import("ws") as unknown as {
  default: new (url: string, options: WsOptions) => WsSocket;
};

/** A client by npm ws, joined under its name. */
class WsClient implements AsyncDisposable {
  readonly texts: string[] = [];
  readonly pongs: string[] = [];
  closed: string | undefined;

  private constructor(readonly ws: WsSocket, readonly name: string) {
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      this.texts.push(isBinary ? "binary" : data.toString("utf8"));
    });
    ws.on("pong", (data: Buffer) => void this.pongs.push(data.toString("utf8")));
    ws.on("error", () => {});
    ws.on("close", (code: number, reason: Buffer) => void (this.closed = `${code} ${reason}`));
  }

  static async join(hub: TestHub, name: string, options: WsOptions = {}): Promise<WsClient> {
    const ws = new Ws(`ws://${hub.address}/ws`, { perMessageDeflate: false, ...options });
    const client = new WsClient(ws, name);
    await within(
      new Promise<void>((resolve) => ws.on("open", () => resolve())),
      PATIENCE_MS,
      () => `not open: ${client.closed}`,
    );
    ws.send(JSON.stringify({ cmd: "_init", name }));
    await client.saw(/"_welcome"/);
    return client;
  }

  /** The first text that has come and matches. */
  saw(pattern: RegExp): Promise<string> {
    return until(
      () => this.texts.find((text) => pattern.test(text)),
      () => `${this.name} did not see ${pattern} but ${this.texts.join("\n").slice(0, 2000)}`,
    );
  }

  /** How the hub closed it. */
  ending(): Promise<string> {
    return until(() => this.closed, `${this.name} is not closed`);
  }

  /** A message to itself; it has to come back with the same content. */
  async echoes(fill: string, send: (text: string) => void): Promise<void> {
    this.texts.length = 0;
    send(JSON.stringify({ cmd: "echo", to: this.name, fill }));
    const text = await this.saw(/"cmd":"echo"/);
    assertEquals(JSON.parse(text).fill === fill, true, text.slice(0, 300));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ws.readyState < 2) this.ws.close();
    await this.ending();
  }
}

Deno.test("ws: every form of length, with every kind of mask, compression offered and declined", async () => {
  await using hub = await TestHub.start();
  const masks: WsOptions[] = [
    {},
    { generateMask: (mask) => mask.fill(0) },
    { generateMask: (mask) => mask.set([0xff, 0, 0x80, 1]) },
    { perMessageDeflate: { threshold: 0 } },
  ];
  for (const [i, options] of masks.entries()) {
    await using client = await WsClient.join(hub, `ws${i}`, options);
    assertEquals(client.ws.extensions, "");
    const bare = JSON.stringify({ cmd: "echo", to: client.name, fill: "" }).length;
    for (const size of [bare, 124, 125, 126, 127, 128, 65535, 65536, 65537, 1_000_000]) {
      await client.echoes("y".repeat(size - bare), (text) => client.ws.send(text));
    }
  }
});

Deno.test("ws: messages in parts that end anywhere, with control frames between them", async () => {
  await using hub = await TestHub.start();
  await using client = await WsClient.join(hub, "parts");
  const random = seeded(11);
  let pings = 0;
  for (let round = 0; round < 80; round++) {
    const fill = Array.from(
      { length: 1 + Math.floor(random() * 40) },
      () => ["a", "ä", "€", "😀", '"', "\\", "\n", "\u0001"][Math.floor(random() * 8)],
    ).join("");
    await client.echoes(fill, (text) => {
      const bytes = Buffer.from(text);
      let at = 0;
      while (at < bytes.length) {
        const end = Math.min(bytes.length, at + Math.floor(random() * 20));
        const fin = end === bytes.length;
        client.ws.send(bytes.subarray(at, end), { fin, binary: false });
        at = end;
        if (random() < 0.2) client.ws.ping(`p${pings++}`);
      }
    });
  }
  await until(() => client.pongs.length === pings, "a pong is missing");
  assertEquals(client.pongs, Array.from({ length: pings }, (_, i) => `p${i}`));
});

Deno.test("ws: ends, by the client, by what is against the protocol, by force", async () => {
  await using hub = await TestHub.start();
  const cases: [string, (ws: WsSocket) => void, RegExp][] = [
    ["normal", (ws) => ws.close(1000, "bye"), /^1000 /],
    ["own", (ws) => ws.close(4321, "wél"), /^4321 /],
    ["none", (ws) => ws.close(), /^1005 /],
    ["text", (ws) => ws.send(Buffer.from([0x22, 0xc3, 0x28]), { binary: false }), /^1007 /],
    ["unmasked", (ws) => ws.send("{}", { mask: false }), /^1002 /],
    ["force", (ws) => ws.terminate(), /^1006 /],
  ];
  for (const [name, end, code] of cases) {
    const client = await WsClient.join(hub, name);
    end(client.ws);
    assertMatch(await client.ending(), code, name);
    await hub.process.saw(new RegExp(`${name} left: `));
  }
  await hub.process.saw(/own left: the client closed the connection \(4321\): wél/);
  await hub.process.saw(
    /unmasked left: against the WebSocket protocol: a frame of a client is not/,
  );
});

Deno.test("ws: what is refused leaves the connection as it was; the hub says goodbye", async () => {
  await using hub = await TestHub.start(["--max-message=5000"]);
  await using client = await WsClient.join(hub, "stays");
  client.ws.send(Buffer.from([1, 2, 3]));
  await client.saw(/"bad-json","text":"Cannot read a binary frame/);
  client.ws.send("x".repeat(200_000));
  await client.saw(/"too-large"/);
  client.ws.send("[]");
  await client.saw(/"bad-message"/);
  await client.echoes("still here", (text) => client.ws.send(text));
  hub.process.signal("SIGTERM");
  await client.saw(/"shutting-down"/);
  assertMatch(await client.ending(), /^1000 /);
});

Deno.test("Deno's own WebSocket: the lengths, and both ways of closing", async () => {
  await using hub = await TestHub.start();
  const socket = new WebSocket(`ws://${hub.address}/ws`);
  const texts: string[] = [];
  let closed: string | undefined;
  socket.onmessage = ({ data }) => void texts.push(data);
  socket.onclose = ({ code, wasClean }) => void (closed = `${code} ${wasClean}`);
  await until(() => socket.readyState === WebSocket.OPEN, "it does not open");
  socket.send('{"cmd":"_init","name":"own"}');
  for (const size of [0, 100, 126, 65536, 1_000_000]) {
    const fill = "é".repeat(size / 2);
    socket.send(JSON.stringify({ cmd: "echo", to: "own", fill }));
    const text = await until(() => texts.find((one) => one.includes('"echo"')), "no echo");
    assertEquals(JSON.parse(text).fill === fill, true);
    texts.length = 0;
  }
  socket.close(4000, "done");
  assertEquals(await until(() => closed, "it is not closed"), "4000 true");
  await hub.process.saw(/own left: the client closed the connection \(4000\): done/);
});

const BROWSER = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  },
);

Deno.test({
  name: "a browser: a page joins if its origin may, and not if it may not",
  ignore: BROWSER === undefined,
  async fn() {
    let html = "";
    const said: string[] = [];
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/said/")) said.push(pathname.slice(6));
      return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
    });
    const origin = `http://127.0.0.1:${server.addr.port}`;
    const page = (hub: TestHub, name: string) =>
      `<!doctype html><title>${name}</title><script>
      const socket = new WebSocket("ws://${hub.address}/ws");
      socket.onopen = () => socket.send(JSON.stringify({ cmd: "_init", name: "${name}" }));
      socket.onmessage = ({ data }) => {
        const { cmd } = JSON.parse(data);
        if (cmd !== "_welcome") return;
        socket.send(JSON.stringify({ cmd: "seen", to: "watcher", fill: "ä€😀".repeat(50000) }));
        fetch("/said/${name}-welcome");
      };
      socket.onerror = () => fetch("/said/${name}-refused");
    </script>`;
    const profile = await Deno.makeTempDir({ prefix: "abcd-browser-" });
    try {
      await using mine = await TestHub.start([`--origin=${origin}`]);
      await using other = await TestHub.start();
      await using watcher = await WsClient.join(mine, "watcher");
      for (
        const [hub, name, wanted] of [[mine, "page", "welcome"], [
          other,
          "stranger",
          "refused",
        ]] as const
      ) {
        html = page(hub, name);
        await using _browser = new Running([
          BROWSER ?? "",
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--no-first-run",
          "--remote-debugging-port=0",
          `--user-data-dir=${profile}/${name}`,
          origin,
        ]);
        await until(() => said.includes(`${name}-${wanted}`), () => `${name} said ${said}`);
        // Before the browser is ended: a page's message may still be on its way.
        if (hub === mine) await watcher.saw(/"cmd":"seen"/);
      }
      const seen = JSON.parse(await watcher.saw(/"cmd":"seen"/));
      assert(seen.fill === "ä€😀".repeat(50000) && seen.from === "page");
      assertEquals(await namesAt(other.httpPort), []);
    } finally {
      await server.shutdown();
      await Deno.remove(profile, { recursive: true }).catch(() => {});
    }
  },
});
