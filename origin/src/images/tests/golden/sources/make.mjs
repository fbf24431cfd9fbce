// Writes the target in the codings that no encoder of the tests writes, by sharp 0.35.2 (libvips 8.18.3, libaom 3.14.1,
// libwebp 1.6.0): `node origin/src/images/tests/golden/sources/make.mjs`. Each folder's `target.png` and `clear.png`,
// which `make golden` writes, are what the others are made of. The files are kept, for another sharp writes other bytes.
import { readdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';

const PLAIN = { quality: 80, chromaSubsampling: '4:4:4' };

// How a picture is stored that is upright after the turn which EXIF counts so: libheif writes it as irot and imir.
const STORED = {
  2: [0, 'flop'], 3: [180], 4: [0, 'flip'], 5: [90, 'flop'], 6: [270], 7: [90, 'flip'], 8: [90],
};

async function stored(picture, orientation) {
  const [angle, mirror] = STORED[orientation];
  const rotated = sharp(await sharp(picture).rotate(angle).png().toBuffer());
  const turned = sharp(await (mirror ? rotated[mirror]() : rotated).png().toBuffer());
  return turned.withMetadata({ orientation: Number(orientation) }).avif(PLAIN);
}

const here = import.meta.dirname;
for (const folder of readdirSync(here).filter((name) => /^\d+x\d+$/.test(name))) {
  const [target, clear] = [`${here}/${folder}/target.png`, `${here}/${folder}/clear.png`];
  const made = {
    'interlaced.png': sharp(target).png({ progressive: true, compressionLevel: 9 }),
    'interlaced-palette.png': sharp(target).png({ progressive: true, palette: true, colours: 16 }),
    'lossy.webp': sharp(target).webp({ quality: 90 }),
    'lossless.webp': sharp(target).webp({ lossless: true }),
    'alpha.webp': sharp(clear).webp({ quality: 90, smartSubsample: true }),
    'alpha-lossless.webp': sharp(clear).webp({ lossless: true, exact: true }),
    '8-420.avif': sharp(target).avif({ quality: 80, chromaSubsampling: '4:2:0' }),
    '8-444.avif': sharp(target).avif(PLAIN),
    '10-420.avif': sharp(target).avif({ quality: 80, chromaSubsampling: '4:2:0', bitdepth: 10 }),
    '12-444.avif': sharp(target).avif({ ...PLAIN, bitdepth: 12 }),
    'lossless.avif': sharp(target).avif({ lossless: true }),
    'alpha.avif': sharp(clear).avif(PLAIN),
    'p3.avif': sharp(target).withIccProfile('p3').avif(PLAIN),
  };
  for (const orientation of Object.keys(STORED)) {
    made[`turned${orientation}.avif`] = await stored(target, orientation);
  }
  for (const [name, picture] of Object.entries(made)) {
    writeFileSync(`${here}/${folder}/${name}`, await picture.toBuffer());
  }
}
