import { assert, assertEquals } from "@std/assert";
import { exposeCcd, frameStatistics, imageFile } from "./ccd.ts";
import { poisson, seeded } from "./random.ts";

const SIZE = { width: 100, height: 100 };

Deno.test("a frame without charge is bias and read noise", () => {
  const frame = exposeCcd({ ...SIZE, bias: 1000, noise: 8, dark: 0, tracks: 0 }, 10, seeded(1));
  const { mean, sigma } = frameStatistics(frame);
  assert(Math.abs(mean - 1000) < 0.5, `mean ${mean}`);
  assert(Math.abs(sigma - 8) < 0.4, `sigma ${sigma}`);
});

Deno.test("dark current adds its mean times the gain, and its Poisson noise", () => {
  const frame = exposeCcd(
    { ...SIZE, bias: 1000, noise: 0, dark: 0.9, gain: 3, tracks: 0 },
    10,
    seeded(2),
  );
  const { mean, sigma } = frameStatistics(frame);
  assert(Math.abs(mean - 1027) < 0.6, `mean ${mean}`);
  assert(Math.abs(sigma - 9) < 0.4, `sigma ${sigma}`);
});

Deno.test("tracks are few bright pixels", () => {
  const frame = exposeCcd({ ...SIZE, dark: 0, noise: 0, tracks: 1 }, 10, seeded(3));
  const bright = frame.filter((pixel) => pixel > 2100).length;
  assert(bright > 5 && bright < 1000, `${bright} bright pixels`);
});

Deno.test("the same seed gives the same frame", () => {
  assertEquals(exposeCcd(SIZE, 10, seeded(7)), exposeCcd(SIZE, 10, seeded(7)));
});

Deno.test("the Poisson distribution has its mean, small and large", () => {
  const random = seeded(4);
  for (const mean of [0, 0.1, 5, 200]) {
    let sum = 0;
    for (let i = 0; i < 5000; i++) sum += poisson(random, mean);
    assert(Math.abs(sum / 5000 - mean) <= 5 * Math.sqrt(mean / 5000), `${mean}: ${sum / 5000}`);
  }
});

Deno.test("images are numbered", () => assertEquals(imageFile("ccd1", 12), "ccd1_00012.fits"));
