import { assertEquals } from "@std/assert";
import { afterPatience } from "./patience.ts";

/** This process has no processor for so long. */
function away(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

Deno.test("patience: what came while this process was away is taken before it is late", async () => {
  const happened: string[] = [];
  const late = Promise.withResolvers<void>();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const there = listener.accept();
  using here = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using other = await there;
  const read = here.read(new Uint8Array(1)).then(() => happened.push("answer"));
  afterPatience(20, () => {
    happened.push("late");
    late.resolve();
  });
  const written = other.write(new Uint8Array(1));
  away(500);
  await written;
  await Promise.all([read, late.promise]);
  assertEquals(happened, ["answer", "late"]);
});

Deno.test("patience: it is over in time, and not called any more once it is ended", async () => {
  const begun = performance.now();
  await new Promise<void>((resolve) => afterPatience(30, resolve));
  assertEquals(performance.now() - begun >= 29, true);
  let called = false;
  const end = afterPatience(1, () => called = true);
  away(10);
  end();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(called, false);
});
