import { assert, assertEquals } from "@std/assert";
import { freeTcpPort, freeUdpPort } from "./free_ports.ts";

Deno.test("ports for tests: no two threads and no two processes get the same, nor does the system give it", async () => {
  const module = new URL("./free_ports.ts", import.meta.url).href;
  const code = `import { freeTcpPort, freeUdpPort } from "${module}";
    const ports = [];
    for (let i = 0; i < 20; i++) ports.push(freeUdpPort(), freeTcpPort());
    console.log(JSON.stringify(ports));
    Deno.stdin.readSync(new Uint8Array(1));`;
  // Each holds its ports until its input ends.
  const children = Array.from({ length: 4 }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--unstable-net", "--no-config", code],
      stdin: "piped",
      stdout: "piped",
    }).spawn());
  const outputs = children.map((child) => child.stdout.getReader());
  const lists = await Promise.all(outputs.map(async (output): Promise<number[]> => {
    const { value } = await output.read();
    return JSON.parse(new TextDecoder().decode(value));
  }));
  const own = Array.from({ length: 20 }, () => [freeUdpPort(), freeTcpPort()]).flat();
  for (const [i, child] of children.entries()) {
    await child.stdin.close();
    await outputs[i]?.cancel();
    assertEquals((await child.status).code, 0);
  }
  const all = [...lists.flat(), ...own];
  assertEquals(new Set(all).size, 200);
  using any = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const port of all) assert(port < any.addr.port, `${port}, any is ${any.addr.port}`);
});
