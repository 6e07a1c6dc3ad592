import { assertEquals, assertThrows } from "@std/assert";
import { encodeFits, FITS_BLOCK } from "./fits.ts";

Deno.test("a FITS file is cards of 80 characters, then big-endian pixels, in blocks of 2880", () => {
  const bytes = encodeFits({
    width: 3,
    height: 1,
    pixels: Uint16Array.of(0, 32768, 65535),
    header: { EXPTIME: 2.5, OBJECT: "d'ark", SHUTTER: false },
  });
  assertEquals(bytes.length, 2 * FITS_BLOCK);
  const text = new TextDecoder().decode(bytes.subarray(0, FITS_BLOCK));
  const cards = Array.from({ length: 36 }, (_, i) => text.slice(i * 80, i * 80 + 80).trimEnd());
  assertEquals(cards.slice(0, 12), [
    "SIMPLE  =                    T",
    "BITPIX  =                   16",
    "NAXIS   =                    2",
    "NAXIS1  =                    3",
    "NAXIS2  =                    1",
    "BSCALE  =                    1",
    "BZERO   =                32768",
    "EXPTIME =                  2.5",
    "OBJECT  = 'd''ark  '",
    "SHUTTER =                    F",
    "END",
    "",
  ]);
  assertEquals([...bytes.subarray(FITS_BLOCK, FITS_BLOCK + 8)], [128, 0, 0, 0, 127, 255, 0, 0]);
});

Deno.test("a FITS header grows by whole blocks", () => {
  const header = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`KEY${i}`, i]));
  const bytes = encodeFits({ width: 1, height: 1, pixels: new Uint16Array(1), header });
  assertEquals(bytes.length, 3 * FITS_BLOCK);
});

Deno.test("what FITS cannot hold is refused", () => {
  const image = { width: 1, height: 1, pixels: new Uint16Array(1) };
  assertThrows(() => encodeFits({ ...image, width: 2 }), RangeError, "1 pixels are not 2 × 1");
  assertThrows(() => encodeFits({ ...image, header: { lower: 1 } }), RangeError, "lower");
  assertThrows(() => encodeFits({ ...image, header: { NAXIS: 1 } }), RangeError, "NAXIS");
  assertThrows(() => encodeFits({ ...image, header: { A: "é" } }), RangeError, "ASCII");
  assertThrows(() => encodeFits({ ...image, header: { A: "x".repeat(80) } }), RangeError, "long");
  assertThrows(() => encodeFits({ ...image, header: { A: NaN } }), RangeError, "NaN");
});
