// A simulated CCD: bias, read noise, dark current, and straight tracks of ionising particles.

import { gaussian, poisson, type Random } from "./random.ts";

/** What a simulated CCD is like. */
export interface CcdOptions {
  readonly width: number;
  readonly height: number;
  /** ADU of a pixel without charge. Default 2000. */
  readonly bias?: number;
  /** Read noise, sigma in ADU. Default 5. */
  readonly noise?: number;
  /** Dark current in electrons per pixel and second. Default 0.01. */
  readonly dark?: number;
  /** ADU per electron. Default 2. */
  readonly gain?: number;
  /** Tracks per second over the whole frame. Default 0.5. */
  readonly tracks?: number;
}

/** Takes one frame that was exposed for so many seconds. */
export function exposeCcd(options: CcdOptions, seconds: number, random: Random): Uint16Array {
  const { width, height, bias = 2000, noise = 5, dark = 0.01, gain = 2, tracks = 0.5 } = options;
  const charge = new Float64Array(width * height);
  const mean = dark * seconds;
  for (let i = 0; i < charge.length; i++) charge[i] = poisson(random, mean);
  for (let n = poisson(random, tracks * seconds); n > 0; n--) {
    const angle = 2 * Math.PI * random();
    const length = 1 + random() * Math.min(width, height) / 2;
    const electrons = 200 + 800 * random();
    let x = random() * width;
    let y = random() * height;
    for (let step = 0; step < length; step++) {
      const column = Math.floor(x);
      const row = Math.floor(y);
      if (column < 0 || row < 0 || column >= width || row >= height) break;
      charge[row * width + column]! += poisson(random, electrons);
      x += Math.cos(angle);
      y += Math.sin(angle);
    }
  }
  return Uint16Array.from(charge, (electrons) => {
    const adu = Math.round(bias + gain * electrons + noise * gaussian(random));
    return Math.min(65535, Math.max(0, adu));
  });
}

/** Mean and standard deviation of the pixels. */
export function frameStatistics(pixels: Uint16Array): { mean: number; sigma: number } {
  let sum = 0;
  for (const pixel of pixels) sum += pixel;
  const mean = sum / pixels.length;
  let squares = 0;
  for (const pixel of pixels) squares += (pixel - mean) ** 2;
  return { mean, sigma: Math.sqrt(squares / pixels.length) };
}

/** The file of one image: `NAME_00001.fits`. */
export function imageFile(name: string, number: number): string {
  return `${name}_${String(number).padStart(5, "0")}.fits`;
}
