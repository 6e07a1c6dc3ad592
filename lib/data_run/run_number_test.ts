import { assertEquals, assertThrows } from "@std/assert";
import { lastNumber, openRunNumbers } from "./run_number.ts";

const N = (number: number) => ({ kind: "number" as const, number });
const TORN = { kind: "torn" as const, reason: "bad" };
const ABSENT = { kind: "absent" as const };

Deno.test("the last number: the highest that anything knows of", () => {
  const known = (number: number, ...warnings: string[]) => ({
    kind: "known" as const,
    number,
    warnings,
  });
  assertEquals(lastNumber([ABSENT, ABSENT], 0), known(0));
  assertEquals(lastNumber([N(5), N(4)], 3), known(5));
  assertEquals(lastNumber([N(5), N(5)], 9), known(9));
  assertEquals(lastNumber([TORN, N(4)], 0), known(4, "bad"));
  assertEquals(lastNumber([ABSENT, ABSENT], 12), known(12));
});

Deno.test("the last number: lost if nothing good is left of what was there", () => {
  assertEquals(lastNumber([TORN, TORN], 12).kind, "lost");
  assertEquals(lastNumber([TORN, ABSENT], 0).kind, "lost");
});

async function folder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "abcd-numbers-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("numbers go up by one, across everyone who opens them", async () => {
  await using f = await folder();
  const open = () => openRunNumbers(f.path, () => 0, () => {});
  assertEquals([open().take(), open().take(), open().take()], [1, 2, 3]);
  assertEquals(open().take(5000), 5000);
  assertEquals(open().take(), 5001);
  for (const bad of [5001, 3, 0, -1, 1.5, 1e12]) assertThrows(() => open().take(bad), RangeError);
  assertEquals(open().take(), 5002);
});

Deno.test("a copy that is torn, empty or gone at any length costs no number", async () => {
  await using f = await folder();
  const warnings: string[] = [];
  const numbers = openRunNumbers(f.path, () => 0, (text) => warnings.push(text));
  let last = numbers.take();
  for (const name of ["run-number", "run-number.copy"]) {
    const whole = await Deno.readTextFile(`${f.path}/${name}`);
    for (let length = 0; length < whole.length; length++) {
      await Deno.writeTextFile(`${f.path}/${name}`, whole.slice(0, length));
      assertEquals(numbers.take(), ++last);
    }
    await Deno.remove(`${f.path}/${name}`);
    assertEquals(numbers.take(), ++last);
  }
  assertEquals(warnings.length > 10, true);
});

Deno.test("both copies torn: no number is guessed, a person gives it", async () => {
  await using f = await folder();
  const numbers = openRunNumbers(f.path, () => 41, () => {});
  for (const name of ["run-number", "run-number.copy"]) {
    await Deno.writeTextFile(`${f.path}/${name}`, "\0\0\0\0");
  }
  assertThrows(() => numbers.take(), Error, "the last record is of run 41");
  assertThrows(() => numbers.take(41), RangeError);
  assertEquals(numbers.take(100), 100);
  assertEquals(numbers.take(), 101);
});

Deno.test("a number that cannot be written is not given", async () => {
  await using f = await folder();
  const numbers = openRunNumbers(`${f.path}/none`, () => 0, () => {});
  assertThrows(() => numbers.take(), Error, "Cannot write");
});

Deno.test("files that somebody removes bring no number back, neither what was given nor what was found", async () => {
  await using f = await folder();
  const remove = () => {
    for (const name of ["run-number", "run-number.copy"]) Deno.removeSync(`${f.path}/${name}`);
  };
  const first = openRunNumbers(f.path, () => 0, () => {});
  assertEquals(first.take(17), 17);
  const second = openRunNumbers(f.path, () => 0, () => {});
  remove();
  assertEquals(first.take(), 18);
  remove();
  assertEquals(second.take(), 18);
});
