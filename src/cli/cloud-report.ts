import { originOf } from '../diffusion/conditions.ts';
import { type Denoiser, givesLatents } from '../diffusion/info.ts';
import { drawing, seedPictures } from '../diffusion/pictures.ts';
import { evaluationsOf } from '../diffusion/sampler.ts';
import type { SamplerInfo } from '../diffusion/sampler-info.ts';
import { decode } from '../embedding/sampling.ts';
import type { SeedRow, Sought } from '../embedding/seek.ts';
import { shortError } from '../figures/text.ts';
import { type CloudStatistics, cloudStatistics, meanSeed } from '../latent/cloud.ts';
import { marchenkoPastur, type NoiseSpectrum } from '../latent/marchenko-pastur.ts';
import { principalComponents } from '../latent/pca.ts';
import { joinPath, writeAtomic } from '../runtime/files.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { svgToPng } from '../runtime/svg.ts';
import { writeNpy } from '../tensor/npy.ts';
import { average, bootstrapMean, meanSquaredErrors } from '../tensor/statistics.ts';
import { concatRows, type Floats, rows, sizeOf, takeRows } from '../tensor/tensor.ts';
import type { Done, Frame } from './frame.ts';
import { writeLabelledSheet } from './labelled.ts';
import { DRAWN, ofWhat } from './latents.ts';
import { writeSeedFiles } from './seed-files.ts';
import { duration } from './terminal.ts';

/** Seeds of one picture, all of a cloud's or a part of them. */
export interface Cloud extends Pick<Sought, 'latent' | 'method'> {
  readonly rows: readonly SeedRow[];
  readonly picture: { readonly image: Floats; readonly name: string; readonly sha256: string };
  readonly sampler: SamplerInfo;
  readonly rng: number;
}

interface Place {
  readonly frame: Frame;
  readonly runtime: Runtime;
  readonly model: Denoiser;
  readonly out: string;
}

/** Seeds that the sheet shows. */
const SHOWN = 12;
/** Decomposing more dimensions than this takes minutes, of which the person should know. */
const SLOW = 1200;

/** Measures a cloud and writes its pictures and seeds. */
export async function reportCloud(place: Place, cloud: Cloud): Promise<Done> {
  const { frame, model, out } = place;
  const { latent, rows: results, picture, rng, sampler } = cloud;
  const [found = 0, ...shape] = latent.shape;
  const statistics = cloudStatistics(latent);
  if (Math.min(found, sizeOf(shape)) > SLOW)
    frame.terminal.note(`decomposing ${found} seeds of ${sizeOf(shape)} coordinates, which takes minutes`);
  const { variances } = principalComponents(latent);
  const noise = marchenkoPastur(found, sizeOf(shape), statistics.varianceWithin);
  const means = await growMeans(place, cloud, statistics);

  const evaluations = results.reduce((sum, r) => sum + r.evaluations, 0);
  // Means are grown, and the seeds that the sheet shows once more.
  const shown = Math.min(SHOWN, results.length);
  const drawn = (statistics.means.length + shown) * evaluationsOf(sampler);
  const summary = {
    mse: bootstrapMean(
      results.map(r => r.mse),
      rng,
    ),
    latentVariance: bootstrapMean(
      results.map(r => r.latentVariance),
      rng,
    ),
    flagged: results.filter(r => r.flags.length > 0).length,
    ...statistics,
    means: statistics.means.map((mean, i) => ({ ...mean, mse: means.errors[i]! })),
    spectrum: {
      isotropic: { low: noise.low, high: noise.high },
      above: variances.filter(v => v > noise.high).length,
      below: variances.filter(v => v < noise.low).length,
      variances: Array.from(variances),
    },
  };
  const at = (name: string) => joinPath(out, name);
  const { name, sha256 } = picture;
  const method = { ...cloud.method, evaluations: evaluations / found };
  await writeSeedFiles(out, model, { latent }, { sampler, method, images: [{ name, sha256 }], rng });
  await writeAtomic(at('picture.npy'), writeNpy(picture.image));
  await writeSheet(place, cloud, means);
  const figure = await spectrumFigure(cloud, variances, noise);
  await writeAtomic(at('spectrum.svg'), figure);
  await writeAtomic(at('spectrum.png'), await svgToPng(figure));
  const report = frame.report({
    ...originOf(model),
    rng,
    evaluations: evaluations + drawn,
    picture: { name, sha256 },
    method: cloud.method,
    ...summary,
    results,
  });
  return { report, file: at('report.json'), lines: describe(cloud, report, place) };
}

/** The mean seeds of the first 1, 2, 4, ... seeds, and what they grow. */
interface Means {
  readonly of: number[];
  readonly latent: Floats;
  readonly pictures: Floats;
  readonly errors: number[];
}

async function growMeans(
  { runtime, model }: Place,
  cloud: Cloud,
  { means }: CloudStatistics,
): Promise<Means> {
  const of = means.map(mean => mean.of);
  const latent = concatRows(of.map(k => meanSeed(rows(cloud.latent, 0, k))));
  const pictures = await decode(model, latent, { runtime, sampler: cloud.sampler });
  const wanted = takeRows(
    cloud.picture.image,
    of.map(() => 0),
  );
  return { of, latent, pictures, errors: meanSquaredErrors(pictures, wanted) };
}

async function writeSheet({ runtime, model, out }: Place, cloud: Cloud, means: Means): Promise<void> {
  const { picture, sampler, rows: results } = cloud;
  const shown = rows(cloud.latent, 0, Math.min(SHOWN, results.length));
  const grown = await decode(model, shown, { runtime, sampler });
  const captions = (texts: readonly string[]) => [undefined, ...texts];
  const drawn = drawing(model, picture.image);
  await writeLabelledSheet(joinPath(out, 'cloud.png'), {
    title: `Seeds of ${picture.name}`,
    rows: [
      {
        label: 'seeds',
        pictures: [undefined, ...seedPictures(model, shown)],
        captions: captions(results.map(r => `start ${r.start}`).slice(0, SHOWN)),
      },
      {
        label: 'what they grow',
        pictures: [drawn(picture.image)[0], ...drawn(grown)],
        captions: ['the picture', ...results.map(r => shortError(r.mse)).slice(0, SHOWN)],
      },
      {
        label: 'the mean of K seeds',
        apart: true,
        pictures: [undefined, ...seedPictures(model, means.latent)],
        captions: captions(means.of.map(k => `K = ${k}`)),
      },
      {
        label: 'what it grows',
        pictures: [undefined, ...drawn(means.pictures)],
        captions: captions(means.errors.map(shortError)),
      },
    ],
    notes: `Below what is grown: its squared error, ${givesLatents(model) ? `of latents; ${DRAWN}` : 'of pixels in [0,1]'}. A seed is drawn grey for 0, black and white for three deviations either way.`,
  });
}

/** The variances of the cloud compared with those of noise that has no shape. */
export async function spectrumFigure(
  cloud: Cloud,
  variances: Float64Array,
  noise: NoiseSpectrum,
): Promise<string> {
  const { lineFigure } = await import('../figures/line.ts');
  const [found = 0, ...shape] = cloud.latent.shape;
  const curve = (values: Float64Array) =>
    Array.from(values, (value, i) => [i + 1, value] as const).filter(([, value]) => value > 0);
  return lineFigure({
    title: `How the seeds of ${cloud.picture.name} vary`,
    x: { label: 'principal component' },
    y: { label: 'variance along it', log: true },
    series: [
      { name: 'the cloud', points: curve(variances) },
      { name: 'noise of equal variance', points: curve(noise.expected), dashed: true },
    ],
    notes: `${found} seeds of ${sizeOf(shape)} coordinates, about their mean. Broken line: what as many points would show by chance if they varied equally in all directions (Marchenko and Pastur 1967).`,
  });
}

interface Summary extends CloudStatistics {
  readonly seconds: number;
  readonly evaluations: number;
  readonly mse: { mean: number; low: number; high: number };
  readonly flagged: number;
  readonly means: readonly { of: number; variance: number; expected: number; mse: number }[];
  readonly spectrum: {
    readonly isotropic: { low: number; high: number };
    readonly above: number;
    readonly below: number;
    readonly variances: readonly number[];
  };
}

function describe({ picture, method, rows: results }: Cloud, s: Summary, { model, out }: Place): string[] {
  const { distance, spectrum, mse } = s;
  const table = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(28)}${cells.map(cell => cell.padStart(9)).join('')}`;
  const fixed = (value: number, digits = 3) => value.toFixed(digits);
  return [
    `${results.length} seeds of ${picture.name} by ${method.name}, ${duration(s.seconds)}, ${fixed(average(results.map(r => r.evaluations)), 0)} evaluations per seed`,
    `squared error${ofWhat(model)} ${fixed(mse.mean, 6)} (95 % interval ${fixed(mse.low, 6)} to ${fixed(mse.high, 6)}), seed variance ${fixed(s.variance)}, ${s.flagged} flagged`,
    `two seeds differ by ${fixed(distance.rms)} per coordinate, root mean square (noise: 1.414); Euclidean distance ${distance.mean.toFixed(1)} (${distance.least.toFixed(1)} to ${distance.greatest.toFixed(1)})`,
    `their correlation is ${fixed(s.correlation, 4)}; so of the mean of K seeds`,
    table(
      'K',
      s.means.map(m => String(m.of)),
    ),
    table(
      'the variance is',
      s.means.map(m => fixed(m.variance)),
    ),
    table(
      'rho + (1 - rho) / K of one',
      s.means.map(m => fixed(m.expected)),
    ),
    table(
      'it grows the picture to',
      s.means.map(m => fixed(m.mse, 6)),
    ),
    `variances along ${spectrum.variances.length} principal components: ${fixed(spectrum.variances.at(-1) ?? 0, 4)} to ${fixed(spectrum.variances[0] ?? 0)}; noise of equal variance: ${fixed(spectrum.isotropic.low, 4)} to ${fixed(spectrum.isotropic.high)}; ${spectrum.above} above, ${spectrum.below} below`,
    `${joinPath(out, 'cloud.png')} (seeds, what they grow; means of K seeds, what they grow), spectrum.svg, spectrum.png, seeds.safetensors, seeds.npy, picture.npy, report.json`,
  ];
}
