// FITS (version 4.0 of the standard): one image of 16-bit unsigned pixels, as CCD readouts write it.

/** Every part of a FITS file is a whole number of these, in bytes. */
export const FITS_BLOCK = 2880;
const CARD = 80;
const BZERO = 32768; // FITS has signed 16-bit integers alone: unsigned ones are shifted

/** A value in a FITS header. */
export type FitsValue = string | number | boolean;

/** An image to write as FITS. */
export interface FitsImage {
  /** Pixels in a row: NAXIS1. */
  readonly width: number;
  /** Rows: NAXIS2. */
  readonly height: number;
  /** Row after row. */
  readonly pixels: Uint16Array;
  /** More keywords: 1 to 8 of `A-Z 0-9 _ -`. */
  readonly header?: Readonly<Record<string, FitsValue>>;
}

const RESERVED = new Set([
  "SIMPLE",
  "BITPIX",
  "NAXIS",
  "NAXIS1",
  "NAXIS2",
  "BZERO",
  "BSCALE",
  "END",
]);

function valueText(keyword: string, value: FitsValue): string {
  if (typeof value === "boolean") return (value ? "T" : "F").padStart(20);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError(`Cannot write ${keyword}: ${value} in FITS`);
    return String(value).toUpperCase().padStart(20);
  }
  if (!/^[\x20-\x7e]*$/.test(value)) {
    throw new RangeError(`Cannot write ${keyword}: FITS headers hold printable ASCII alone`);
  }
  return `'${value.replaceAll("'", "''").padEnd(8)}'`;
}

function card(keyword: string, value: FitsValue): string {
  const text = `${keyword.padEnd(8)}= ${valueText(keyword, value)}`;
  if (text.length > CARD) {
    throw new RangeError(`Cannot write ${keyword}: its value is too long for a FITS card`);
  }
  return text.padEnd(CARD);
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / FITS_BLOCK) * FITS_BLOCK;
}

/**
 * The bytes of a FITS file with this image.
 *
 * @throws {RangeError} If the pixels are not width × height, or the header cannot be held by FITS.
 */
export function encodeFits(image: FitsImage): Uint8Array<ArrayBuffer> {
  const { width, height, pixels, header = {} } = image;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`Cannot write an image of ${width} × ${height} pixels`);
  }
  if (pixels.length !== width * height) {
    throw new RangeError(
      `Cannot write the image: ${pixels.length} pixels are not ${width} × ${height}`,
    );
  }
  const cards = [
    card("SIMPLE", true),
    card("BITPIX", 16),
    card("NAXIS", 2),
    card("NAXIS1", width),
    card("NAXIS2", height),
    card("BSCALE", 1),
    card("BZERO", BZERO),
  ];
  for (const [keyword, value] of Object.entries(header)) {
    if (!/^[A-Z0-9_-]{1,8}$/.test(keyword) || RESERVED.has(keyword)) {
      throw new RangeError(`Cannot write the keyword "${keyword}" into a FITS header`);
    }
    cards.push(card(keyword, value));
  }
  cards.push("END".padEnd(CARD));
  const text = cards.join("");
  const start = blocks(text.length);
  const bytes = new Uint8Array(start + blocks(pixels.length * 2));
  bytes.fill(0x20, 0, start);
  new TextEncoder().encodeInto(text, bytes);
  const view = new DataView(bytes.buffer, start);
  for (let i = 0; i < pixels.length; i++) view.setInt16(i * 2, pixels[i]! - BZERO, false);
  return bytes;
}
