// Messages as bytes: as a line, and copied from one buffer to another as often as there are messages.

const encoder = new TextEncoder();

/** The bytes of a text, with a newline behind it. */
export function lineOf(text: string): Uint8Array {
  return encoder.encode(`${text}\n`);
}

const NOBODY: Uint8Array = new Uint8Array();
const NO_VIEW: DataView = new DataView(NOBODY.buffer);

/** The buffers that were copied from last, and views of them: making one costs more than a copy. */
let first = NOBODY, second = NOBODY, third = NOBODY, fourth = NOBODY;
let firstView = NO_VIEW, secondView = NO_VIEW, thirdView = NO_VIEW, fourthView = NO_VIEW;
let turn = 0;

function viewOf(bytes: Uint8Array): DataView {
  if (bytes === first) return firstView;
  if (bytes === second) return secondView;
  if (bytes === third) return thirdView;
  if (bytes === fourth) return fourthView;
  return newViewOf(bytes);
}

/** On its own, so that the above is small enough to be inlined. */
function newViewOf(bytes: Uint8Array): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  turn = turn === 3 ? 0 : turn + 1;
  if (turn === 0) [first, firstView] = [bytes, view];
  else if (turn === 1) [second, secondView] = [bytes, view];
  else if (turn === 2) [third, thirdView] = [bytes, view];
  else [fourth, fourthView] = [bytes, view];
  return view;
}

/** Longer stretches are `set`'s: it has a price of its own, but then is quicker. */
const LONG = 512;

/**
 * Copies the bytes from `begin` to `end` to where `at` is; `into` and `view` are the same buffer, and
 * not that of `from`. Eight bytes at a time: for a message `set` takes twice as long, as it needs an
 * object for the stretch.
 */
export function copyBytes(
  from: Uint8Array,
  begin: number,
  end: number,
  into: Uint8Array,
  view: DataView,
  at: number,
): void {
  const length = end - begin;
  if (length > LONG) {
    into.set(from.subarray(begin, end), at);
    return;
  }
  if (length === 0) return;
  const source = viewOf(from);
  if (length < 8) {
    for (let i = 0; i < length; i++) view.setUint8(at + i, source.getUint8(begin + i));
    return;
  }
  const lastAt = at + length - 8;
  let i = begin;
  for (const last = end - 31; i < last; i += 32, at += 32) {
    view.setBigInt64(at, source.getBigInt64(i, true), true);
    view.setBigInt64(at + 8, source.getBigInt64(i + 8, true), true);
    view.setBigInt64(at + 16, source.getBigInt64(i + 16, true), true);
    view.setBigInt64(at + 24, source.getBigInt64(i + 24, true), true);
  }
  for (const last = end - 8; i < last; i += 8, at += 8) {
    view.setBigInt64(at, source.getBigInt64(i, true), true);
  }
  // The last eight, some of them once more.
  view.setBigInt64(lastAt, source.getBigInt64(end - 8, true), true);
}
