import { assertEquals } from "@std/assert";

/** What a program can do that had all permissions and has given back all but these. */
async function can(...kept: string[]): Promise<string> {
  const module = new URL("permissions.ts", import.meta.url).href;
  const code = `import { keepOnly } from ${JSON.stringify(module)};
    await keepOnly(${JSON.stringify(kept)});
    const attempts = {
      net: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
      read: () => Deno.readTextFileSync("/etc/passwd"),
      write: () => Deno.mkdirSync("/tmp", { recursive: true }),
      env: () => Deno.env.get("PATH"),
      sys: () => Deno.hostname(),
      run: () => new Deno.Command("true").outputSync(),
    };
    console.log(Object.keys(attempts).filter((name) => {
      try {
        attempts[name]();
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.NotCapable) return false;
        throw error;
      }
    }).join(" "));`;
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-lock", "--no-config", "--allow-all", url],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  assertEquals(text(stderr), "");
  return text(stdout);
}

Deno.test("permissions: what is not kept is gone", async () => {
  assertEquals(
    await can("net", "read", "write", "env", "sys", "run"),
    "net read write env sys run",
  );
  const isOld = Deno.version.deno.startsWith("2.4.");
  assertEquals(
    await can("net", "read", "env", "sys"),
    isOld ? "net read write env sys" : "net read env sys",
  );
  assertEquals(await can(), isOld ? "read write" : "");
});
