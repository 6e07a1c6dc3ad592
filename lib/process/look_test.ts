import { assertEquals, assertMatch } from "@std/assert";
import { LOOKS_HERE } from "./look.ts";

const never = () => new AbortController().signal;
const look = { cwd: "/", env: {}, timeoutSec: 5 };

Deno.test("looks: yes and no", async () => {
  assertEquals(await LOOKS_HERE.exec({ ...look, argv: ["true"] }, never()), true);
  assertEquals(await LOOKS_HERE.exec({ ...look, argv: ["false"] }, never()), "exit code 1");
  const killed = ["sh", "-c", "kill -SEGV $$"];
  assertEquals(await LOOKS_HERE.exec({ ...look, argv: killed }, never()), "ended by SIGSEGV");
  const noCommand = await LOOKS_HERE.exec({ ...look, argv: ["no-such-command-1"] }, never());
  assertMatch(String(noCommand), /^failed to spawn/);
  assertEquals(await LOOKS_HERE.file("/", never()), true);
  assertEquals(await LOOKS_HERE.file("/no/such", never()), "");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertEquals(await LOOKS_HERE.tcp("127.0.0.1", port, never()), true);
  listener.close();
  // Not the same port again: somebody else may have it by now.
  assertEquals(await LOOKS_HERE.tcp("127.0.0.1", 1, never()), "connection refused");
});

Deno.test({
  name: "looks: who gives no answer in time is killed, and the answer is no",
  // It is not waited for until it has ended.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const late = new AbortController();
    const answer = LOOKS_HERE.exec({ ...look, argv: ["sleep", "1000"] }, late.signal);
    late.abort(new Error("no answer within 1 s"));
    assertEquals(await answer, "no answer within 1 s");
  },
});

Deno.test("looks: who cannot even ask knows nothing, and says so", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const code = `
    const { LOOKS_HERE } = await import(${JSON.stringify(import.meta.resolve("./look.ts"))});
    const never = new AbortController().signal;
    try { for (;;) Deno.openSync("/dev/null"); } catch { /* no descriptor is left */ }
    const exec = await LOOKS_HERE.exec({ cwd: "/", env: {}, timeoutSec: 5, argv: ["true"] }, never);
    const tcp = await LOOKS_HERE.tcp("127.0.0.1", ${port}, never);
    console.log(String(exec), String(tcp));
  `;
  const { stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", 'ulimit -n 64; exec "$0" eval "$1"', Deno.execPath(), code],
    stdin: "null",
  }).output();
  listener.close();
  const text = new TextDecoder().decode(stdout);
  assertEquals(text, "undefined undefined\n", new TextDecoder().decode(stderr));
});
