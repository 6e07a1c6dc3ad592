// Stand-in for @std/assert where JSR cannot be reached: the part that the tests use, on node:assert.

import nodeAssert from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- the type of the real one
type ErrorClass<E extends Error> = new (...args: any[]) => E;

/** Thrown by each of these functions when what it states is not so. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

function failing(what: string, msg?: string): never {
  throw new AssertionError(msg === undefined ? what : `${what}: ${msg}`);
}

function show(value: unknown): string {
  return Deno.inspect(value, { depth: 8, strAbbreviateSize: 2000 });
}

function equal(a: unknown, b: unknown): boolean {
  try {
    nodeAssert.deepStrictEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

/** `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is false {
  if (expr) throw new AssertionError(msg);
}

/** The two are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) {
    failing(
      `Values are not equal\n  actual:   ${show(actual)}\n  expected: ${show(expected)}`,
      msg,
    );
  }
}

/** The two are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) failing(`Expected values to differ: ${show(actual)}`, msg);
}

/** The two are the same by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (!Object.is(actual, expected)) {
    failing(`Values are not strictly equal: ${show(actual)}, ${show(expected)}`, msg);
  }
}

/** Neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    failing(`Expected a value, found ${String(actual)}`, msg);
  }
}

/** `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    failing(`Expected ${show(actual)} to contain ${show(expected)}`, msg);
  }
}

/** `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) failing(`Expected ${show(actual)} to match ${expected}`, msg);
}

/** `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) failing(`Expected ${show(actual)} > ${show(expected)}`, msg);
}

/** `actual` is at least `expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) failing(`Expected ${show(actual)} >= ${show(expected)}`, msg);
}

/** `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) failing(`Expected ${show(actual)} < ${show(expected)}`, msg);
}

/** `actual` is at most `expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) failing(`Expected ${show(actual)} <= ${show(expected)}`, msg);
}

/** `actual` is an instance of the class. */
export function assertInstanceOf<T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- the type of the real one
  expectedType: abstract new (...args: any[]) => T,
  msg?: string,
): asserts actual is T {
  if (!(actual instanceof expectedType)) {
    failing(`Expected an instance of ${expectedType.name}, found ${show(actual)}`, msg);
  }
}

/** `error` is an Error, of that class, whose message contains that text. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  errorClass?: ErrorClass<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) failing(`Expected an Error, found ${show(error)}`, msg);
  if (errorClass !== undefined && !(error instanceof errorClass)) {
    failing(`Expected a ${errorClass.name}, found ${show(error)}`, msg);
  }
  const matches = msgMatches === undefined ||
    (typeof msgMatches === "string"
      ? error.message.includes(msgMatches)
      : msgMatches.test(error.message));
  if (!matches) {
    failing(`Expected an error whose message has ${msgMatches}, found ${show(error.message)}`, msg);
  }
}

/** `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** `fn` throws an error of that class whose message contains that text; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  errorClassOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    if (typeof errorClassOrMsg === "function") {
      assertIsError(error, errorClassOrMsg, msgIncludes, msg);
    }
    return error;
  }
  failing(
    "Expected function to throw",
    typeof errorClassOrMsg === "string" ? errorClassOrMsg : msg,
  );
}

/** The promise of `fn` rejects; resolves to what with. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** The promise of `fn` rejects with an error of that class and text; resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  errorClassOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  try {
    await fn();
  } catch (error) {
    if (typeof errorClassOrMsg === "function") {
      assertIsError(error, errorClassOrMsg, msgIncludes, msg);
    }
    return error;
  }
  failing(
    "Expected function to reject",
    typeof errorClassOrMsg === "string" ? errorClassOrMsg : msg,
  );
}

/** Always fails. */
export function fail(msg?: string): never {
  failing("Failed assertion", msg);
}
