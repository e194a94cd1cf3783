import type { Denoiser } from '../../diffusion/info.ts';
import { seedPictures } from '../../diffusion/pictures.ts';
import { naturalness } from '../../latent/naturalness.ts';
import { strangeness } from '../../quality/strangeness.ts';
import { type Floats, float32, rows, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, type SheetPicture, together } from './claims.ts';
import { experiment, find, type Lab, readPictures } from './lab.ts';
import { percent, ratioOfMeans, type Sampled, sampled, withInterval } from './means.ts';

/** Positions of the dial between faithful and natural; the last is what the verdict is about. */
const DIALS = [0, 0.5, 0.7];
/** Portraits that are drawn on, and their dial: the model is large. */
const PORTRAITS = 2;
const FEW = 2;

/** A stroke from (x0, y0) to (x1, y1), in parts of the picture, so wide, in a grey. */
const STROKES = [
  { x0: 0.25, y0: 0.55, x1: 0.75, y1: 0.62, wide: 0.045, grey: 1 },
  { x0: 0.42, y0: 0.3, x1: 0.5, y1: 0.45, wide: 0.04, grey: 0.05 },
];

/** Strokes on a picture, taken up by embedding and growing it again (Asperti et al. 2023, fig. 5). */
export const fig5 = experiment({
  name: 'fig5',
  title: 'scribbles on a picture, integrated',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  async measure(lab) {
    const numbers: Strokes[] = [];
    const sheets: SheetPicture[] = [];
    const model = await lab.denoiser('fashion-mnist');
    const count = Math.max(lab.sizes.shown, Math.round(lab.sizes.sample / 4));
    const garments = await readPictures(await lab.data('fashion-mnist', 'test'), 0, count);
    const some = await scribble(lab, 'fashion-mnist', garments, DIALS, 16, 'Fashion-MNIST');
    numbers.push(some.numbers);
    sheets.push(sheet(model, 'fig5', some, lab.sizes.shown));
    if (lab.has('anime64')) {
      const portraits = await lab.denoiser('anime64');
      const faces = await readPictures(
        await lab.data('paintings', 'test', portraits.info.shape),
        0,
        PORTRAITS,
      );
      const drawn = await scribble(lab, 'anime64', faces, DIALS.slice(-1), FEW, 'portraits');
      numbers.push(drawn.numbers);
      sheets.push(sheet(portraits, 'fig5-portraits', drawn, PORTRAITS));
    }
    return { numbers, sheets };
  },
  report: numbers => ({ claims: numbers.map(claimOf) }),
});

/** What strokes came to. */
interface Strokes {
  /** The denoiser that took them up. */
  readonly model: string;
  readonly what: string;
  /** The share of the strokes that stays, at each position of the dial. */
  readonly kept: readonly { readonly dial: number; readonly share: Sampled }[];
  /** The share of their strangeness that strokes leave, and what they keep where they only fade. */
  readonly left: Sampled;
  readonly faded: Sampled;
  /** The change where nothing was drawn, with strokes and without, and the ratio of the two. */
  readonly outside: Sampled;
  readonly usual: Sampled;
  readonly stir: Sampled;
}

interface Scribbled {
  readonly numbers: Strokes;
  readonly before: Floats;
  readonly drawn: Floats;
  readonly grown: readonly { readonly dial: number; readonly latent: Floats; readonly pictures: Floats }[];
}

async function scribble(
  lab: Lab,
  name: string,
  before: Floats,
  dials: readonly number[],
  batch: number,
  what: string,
): Promise<Scribbled> {
  const model = await lab.denoiser(name);
  const drawn = drawOn(before);
  const grown: Scribbled['grown'][number][] = [];
  for (const dial of dials) {
    const { latent, pictures } = await find(lab, model, drawn, {
      ...naturalness(dial, model),
      batch,
      noiseOf: before,
    });
    grown.push({ dial, latent, pictures });
  }
  const last = grown.at(-1)!;
  const untouched = await find(lab, model, before, {
    ...naturalness(last.dial, model),
    batch,
  });
  const kept = grown.map(({ dial, pictures }) => ({
    dial,
    share: sampled(shareKept(before, drawn, before, pictures), lab.rng),
  }));
  const faded = sampled(shareKept(before, drawn, untouched.pictures, last.pictures), lab.rng);
  const outside = sampled(changeOutside(before, drawn, last.pictures), lab.rng);
  const usual = sampled(changeOutside(before, drawn, untouched.pictures), lab.rng);
  const strange: number[][] = [];
  for (const pictures of [drawn, before, last.pictures, untouched.pictures])
    strange.push(await strangeness(model, pictures, { ...lab, batch }));
  const [odd, plain, grownOdd, grownPlain] = strange;
  const left = ratioOfMeans(differences(grownOdd!, grownPlain!), differences(odd!, plain!), lab.rng, true);
  const stir = ratioOfMeans(
    changeOutside(before, drawn, last.pictures),
    changeOutside(before, drawn, untouched.pictures),
    lab.rng,
    true,
  );
  return { before, drawn, grown, numbers: { what, model: name, kept, left, faded, outside, usual, stir } };
}

function claimOf({ what, model, kept, left, faded, outside, usual, stir }: Strokes): Claim {
  const { dial, share: fate } = kept.at(-1)!;
  // Strokes that merely fade to a share k keep k^2 of their strangeness, which is quadratic.
  const stay = together(above(fate, 0), below(fate, 1)) === 'holds';
  const square = (share: number) => Math.max(0, share) ** 2;
  const fading = { ...faded, mean: square(faded.mean), low: square(faded.low), high: square(faded.high) };
  const [taken, stranger] = [left.high < fading.low, left.low > fading.high];
  const integrated = stay && taken && below(stir, 2) === 'holds';
  return judged({
    models: [model],
    number: left,
    against: fading,
    rests: [fate, stir],
    paper: `Sketchy changes to a picture are integrated by embedding and growing it again (${what}).`,
    ours: `of the strokes ${kept.map(({ dial: at, share }) => `${withInterval(share, 2)} stay at naturalness ${at}`).join(', ')}; elsewhere the picture changes by ${withInterval(outside)}`,
    control: `the picture without strokes changes there by ${withInterval(usual)}; strokes that only fade, by as much as these, would leave ${withInterval(fading, 2)} of the strangeness they bring, here ${withInterval(left, 2)} is left`,
    asked:
      'strokes that stay, though not whole, with less of their strangeness than fading leaves, and less than twice the usual change elsewhere; in part, where they are no stranger than by fading',
    numbersSay: integrated ? 'holds' : stay && !stranger ? 'partly' : 'fails',
    because: `At naturalness ${dial} ${percent(fate.mean)} of the strokes are left${fate.low <= 0 ? ': they are taken for noise and removed' : taken ? ', less strange to the model than by fading alone' : stranger ? ', stranger to the model than by fading alone' : ', perhaps by fading alone'}; the rest of the picture changes ${withInterval(stir, 2)} times as much as without them.`,
    values: {
      ...Object.fromEntries(kept.map(({ dial: at, share }) => [`kept.${at}`, share.mean])),
      outside: outside.mean,
      usual: usual.mean,
      stir: stir.mean,
      faded: faded.mean,
      left: left.mean,
    },
  });
}

/** Pictures with the strokes on them; colour pictures get them in grey. */
export function drawOn(images: Floats): Floats {
  const [, , height = 0, width = 0] = images.shape;
  const plane = height * width;
  return float32(
    images.shape,
    images.data.map((value, i) => {
      const [y, x] = [Math.floor((i % plane) / width), i % width];
      const on = STROKES.find(({ x0, y0, x1, y1, wide }) => {
        const [px, py] = [(x + 0.5) / width, (y + 0.5) / height];
        const [dx, dy] = [x1 - x0, y1 - y0];
        const t = Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy)));
        return Math.hypot(px - x0 - t * dx, py - y0 - t * dy) < wide;
      });
      return on ? on.grey : value;
    }),
  );
}

function differences(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value - b[i]!);
}

/** Of each picture, how much of what the strokes changed is left: 1 as drawn, 0 as in the base. */
function shareKept(before: Floats, drawn: Floats, base: Floats, grown: Floats): number[] {
  return Array.from({ length: before.shape[0]! }, (_, n) => {
    const [b, d, z, g] = [before, drawn, base, grown].map(t => rows(t, n, n + 1).data);
    let [product, square] = [0, 0];
    b!.forEach((value, i) => {
      const stroke = d![i]! - value;
      product += stroke * (g![i]! - z![i]!);
      square += stroke * stroke;
    });
    return square > 0 ? product / square : 0;
  });
}

/** Of each picture, the mean squared change where nothing was drawn. */
function changeOutside(before: Floats, drawn: Floats, grown: Floats): number[] {
  return Array.from({ length: before.shape[0]! }, (_, n) => {
    const [b, d, g] = [before, drawn, grown].map(t => rows(t, n, n + 1).data);
    let [sum, count] = [0, 0];
    b!.forEach((value, i) => {
      if (d![i] !== value) return;
      sum += (g![i]! - value) ** 2;
      count++;
    });
    return count > 0 ? sum / count : 0;
  });
}

function sheet(
  model: Denoiser,
  file: string,
  { before, drawn, grown }: Scribbled,
  shown: number,
): SheetPicture {
  const first = (t: Floats) => rows(t, 0, Math.min(shown, t.shape[0]!));
  return {
    file,
    caption:
      'Pictures, the same with strokes, and what is grown of those from faithful to natural; below, the last ones’ seeds.',
    title: 'Scribbles, integrated',
    rows: [
      { label: 'before', pictures: unstack(first(before)) },
      { label: 'scribbled', pictures: unstack(first(drawn)) },
      ...grown.map(({ dial, pictures }) => ({
        label: `after, naturalness ${dial}`,
        pictures: unstack(first(pictures)),
      })),
      { label: 'seeds of the last', pictures: seedPictures(model, first(grown.at(-1)!.latent)) },
    ],
  };
}
