// Copies stretches of bytes from one buffer to another, as often as there are messages.

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
 * Copies the bytes from `begin` to `end` to where `at` is; `into` and `view` are the same buffer.
 * For a message `set` takes half as long again, as it needs an object for the stretch.
 */
export function copyBytes(
  from: Uint8Array,
  begin: number,
  end: number,
  into: Uint8Array,
  view: DataView,
  at: number,
): void {
  if (end - begin > LONG) {
    into.set(from.subarray(begin, end), at);
    return;
  }
  const source = viewOf(from);
  let i = begin;
  for (const last = end - 15; i < last; i += 16, at += 16) {
    view.setInt32(at, source.getInt32(i, true), true);
    view.setInt32(at + 4, source.getInt32(i + 4, true), true);
    view.setInt32(at + 8, source.getInt32(i + 8, true), true);
    view.setInt32(at + 12, source.getInt32(i + 12, true), true);
  }
  for (const last = end - 3; i < last; i += 4, at += 4) {
    view.setInt32(at, source.getInt32(i, true), true);
  }
  for (; i < end; i++, at++) view.setUint8(at, source.getUint8(i));
}
