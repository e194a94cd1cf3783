import type { Denoiser } from '../../diffusion/info.ts';
import { lineFigure } from '../../figures/line.ts';
import { cloudStatistics, meanSeed } from '../../latent/cloud.ts';
import { principalComponents } from '../../latent/pca.ts';
import { average, meanSquaredErrors, rms } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, sizeOf, takeRows, unstack } from '../../tensor/tensor.ts';
import { above, below, type Claim, judged, type SheetPicture, together, worded } from './claims.ts';
import {
  experiment,
  grow,
  type Lab,
  type Named,
  noiseFor,
  perCloud,
  perSubject,
  type SeedCloud,
  type Subject,
} from './lab.ts';
import { figure, withInterval } from './means.ts';
import { alongSensitive, TANGENT } from './measure/tangent.ts';

/** Steps of a walk, in Euclidean length: a seed of 1,024 coordinates is 32 long. */
const STEPS = [-12, -8, -4, 0, 4, 8, 12];
/** The length at which directions are compared. */
const LENGTH = 8;
/** Directions of each kind that are compared for each picture, at most. */
const DIRECTIONS = 6;
/** Less than this part of the mean variance is thin, and more than so many times another change is more. */
const THIN = 0.5;
const MORE = 2;

/** Walks from the mean seed along minor and major components of the cloud (Asperti et al. 2023, fig. 14). */
export const fig14 = experiment({
  name: 'fig14',
  title: 'walks along minor and major components of a cloud',
  needs: ['fashion-mnist', 'data:fashion-mnist'],
  measure: lab => perSubject(lab, (subject, title) => alongComponents(lab, subject, title)),
  report: subjects => ({
    claims: subjects.map(claimOf),
    plots: [
      {
        file: 'fig14',
        caption: `Change of the picture by a step of length ${LENGTH} from the mean seed, along each component, most major first, mean over pictures.`,
        svg: lineFigure({
          title: 'Which directions change the picture',
          x: { label: 'component' },
          y: { label: 'mean squared change of a pixel', log: true },
          series: subjects.map(({ title: name, picks, changes }) => ({
            name,
            points: picks.map((k, i): [number, number] => [k + 1, Math.max(changes[i]!.mean, 1e-7)]),
          })),
        }),
      },
    ],
    notes: [
      'The paper moves by a factor of the normalised eigenvector; here all steps of a column have one Euclidean length, so that directions can be compared.',
    ],
  }),
});

type Along = Awaited<ReturnType<typeof alongComponents>>['numbers'] & Named;

async function alongComponents(lab: Lab, subject: Subject, title: string) {
  const { latent } = await lab.cloud(subject, 0);
  const [seeds = 0, ...shape] = latent.shape;
  const count = Math.min(seeds - 1, sizeOf(shape));
  const some = Math.min(DIRECTIONS, Math.floor(count / 3));
  const ends = Array.from({ length: some }, (_, k) => [k, count - 1 - k]).flat();
  const picks = [...new Set([...ends, ...spaced(count, DIRECTIONS)])].sort((a, b) => a - b);
  const walks: Walk[] = [];
  const means = await perCloud(lab, subject, async cloud => {
    const found = await directionsOf(lab, cloud, picks, some);
    if (cloud.index === 0) walks.push(...(await walksOf(lab, cloud, found)));
    return changesOf(lab, cloud, found, some);
  });
  return {
    numbers: { ...{ seeds, picks, some, count }, ...means },
    sheets: [sheetOf(walks, subject, title)],
  };
}

type Directions = Awaited<ReturnType<typeof directionsOf>>;

/** Unit directions from the mean seed of a cloud. */
async function directionsOf(lab: Lab, cloud: SeedCloud, picks: readonly number[], some: number) {
  const mean = meanSeed(cloud.latent);
  const { components } = principalComponents(cloud.latent);
  const { first, variances } = await alongSensitive(lab, cloud);
  return {
    ...{ mean, sensitive: first, components: takeRows(components, picks) },
    /** The cloud's variance along the sensitive directions, in parts of its mean variance. */
    thin: average(variances.slice(0, TANGENT)) / cloudStatistics(cloud.latent).varianceWithin,
    random: unitRows(noiseFor(lab, cloud, some, 'directions')),
    unseen: outside(noiseFor(lab, cloud, some, 'outside'), components),
  };
}

/** How much steps along them change the picture. */
async function changesOf(lab: Lab, { model }: SeedCloud, found: Directions, some: number) {
  const along = (directions: Floats) => changesAlong(lab, model, found.mean, directions);
  const changes = await along(found.components);
  const [minor, major] = [average(changes.slice(-some)), average(changes.slice(0, some))];
  const random = average(await along(found.random));
  const unseen = average(await along(found.unseen));
  const sensitive = average(await along(found.sensitive));
  return {
    ...{ changes, minor, major, random, unseen, sensitive },
    thin: found.thin,
    times: minor / major,
    sensitiveTimes: sensitive / Math.max(major, random),
  };
}

/** What a step of both signs along unit directions changes, squared. */
async function changesAlong(lab: Lab, model: Denoiser, mean: Floats, directions: Floats): Promise<number[]> {
  const [centre, up, down] = [
    await grow(lab, model, mean),
    await grow(lab, model, moved(mean, directions, LENGTH)),
    await grow(lab, model, moved(mean, directions, -LENGTH)),
  ];
  const from = takeRows(centre, new Uint8Array(directions.shape[0]!));
  const [a, b] = [meanSquaredErrors(up, from), meanSquaredErrors(down, from)];
  return a.map((value, i) => average([value, b[i]!]));
}

/** What grows along a direction. */
interface Walk {
  readonly label: string;
  readonly grown: Floats;
}

async function walksOf(lab: Lab, { model }: SeedCloud, found: Directions): Promise<Walk[]> {
  const { mean, components, sensitive } = found;
  const last = components.shape[0]! - 1;
  const walks: Walk[] = [];
  for (const [label, direction] of [
    ['most minor component', rows(components, last, last + 1)],
    ['most major', rows(components, 0, 1)],
    ['most sensitive direction', rows(sensitive, 0, 1)],
    ['next to it', rows(sensitive, 1, 2)],
  ] as const) {
    const seeds = concatRows(STEPS.map(step => moved(mean, direction, step)));
    walks.push({ label, grown: await grow(lab, model, seeds) });
  }
  return walks;
}

function sheetOf(walks: readonly Walk[], subject: Subject, title: string): SheetPicture {
  return {
    file: `fig14-${subject}`,
    caption: `From the mean seed (0) along the most minor and the most major component of its cloud, and along the two directions to which the sampler is most sensitive, by steps of the lengths below (${title}).`,
    title: `Walks along components, ${title}`,
    rows: walks.map(({ label, grown }) => ({
      label,
      pictures: unstack(grown),
      captions: STEPS.map(step => (step > 0 ? `+${step}` : String(step))),
    })),
  };
}

function claimOf(along: Along): Claim {
  const { title, seeds, minor, major, random, unseen, sensitive, times, some, count, thin } = along;
  // They change the picture most by what they are; that the cloud is thin along them is what makes them minor.
  const theirs = together(above(along.sensitiveTimes, MORE), below(along.thin, THIN));
  return judged({
    models: [along.model],
    number: sensitive,
    against: random,
    rests: [along.sensitiveTimes, thin],
    paper: `Only moves along minor components of the cloud change the picture significantly (${title}; minor ones as the sampler's sensitive directions show them).`,
    ours: `change of the picture by a step of length ${LENGTH} along the ${TANGENT} directions to which the sampler is most sensitive: ${withInterval(sensitive)}; the cloud has ${withInterval(thin)} of its mean variance there`,
    control: `random directions ${withInterval(random)}; of the cloud's own ${count} components the ${some} most major ${withInterval(major)}, the most minor ${withInterval(minor)}; random ones outside of all of them ${withInterval(unseen)}`,
    asked: `more than ${MORE} times the change by other directions, and less than ${figure(THIN, 1)} of the cloud's mean variance`,
    numbersSay: theirs,
    because: `The directions that change the picture most do so ${withInterval(along.sensitiveTimes, 2)} times as much as major components or random directions, and the cloud has ${withInterval(thin, 2)} of its mean variance along them: ${worded(theirs, { holds: 'they are minor', fails: 'they are not both', open: 'whether they are minor cannot be told' })}. The components of ${seeds} seeds do not hold them: its most minor ones change the picture ${withInterval(times, 2)} times as much as its major ones.`,
    values: { minor, major, random, outside: unseen, sensitive },
  });
}

/** So many numbers of 0 ... count - 1, evenly spread, both ends among them. */
function spaced(count: number, most: number): number[] {
  const number = Math.min(count, most);
  return Array.from({ length: number }, (_, i) => Math.round((i * (count - 1)) / Math.max(1, number - 1)));
}

function moved(mean: Floats, directions: Floats, length: number): Floats {
  const width = mean.data.length;
  return float32(
    directions.shape,
    directions.data.map((value, i) => mean.data[i % width]! + length * value),
  );
}

function unitRows(t: Floats): Floats {
  const width = t.data.length / t.shape[0]!;
  const norms = unstack(t).map(row => rms(row.data) * Math.sqrt(width));
  return float32(
    t.shape,
    t.data.map((value, i) => value / norms[Math.floor(i / width)]!),
  );
}

/** Unit vectors at right angles to all components. */
function outside(directions: Floats, components: Floats): Floats {
  const width = directions.data.length / directions.shape[0]!;
  const data = Float64Array.from(directions.data);
  const known = components.shape[0]!;
  // With as many components as coordinates nothing is left but rounding.
  if (known >= width) return unitRows(directions);
  for (let row = 0; row < directions.shape[0]!; row++)
    for (let k = 0; k < known; k++) {
      let product = 0;
      for (let i = 0; i < width; i++) product += data[row * width + i]! * components.data[k * width + i]!;
      for (let i = 0; i < width; i++) data[row * width + i]! -= product * components.data[k * width + i]!;
    }
  return unitRows(float32(directions.shape, data));
}
