import type { Denoiser } from '../../diffusion/info.ts';
import { lineFigure } from '../../figures/line.ts';
import { meanSeed } from '../../latent/cloud.ts';
import { type PrincipalComponents, principalComponents } from '../../latent/pca.ts';
import { sensitiveDirections } from '../../latent/sensitive.ts';
import { average, meanSquaredErrors, rms } from '../../tensor/statistics.ts';
import { concatRows, type Floats, float32, rows, takeRows, unstack } from '../../tensor/tensor.ts';
import { type Claim, figure, judged, ofOne, type SheetPicture, withInterval } from './claims.ts';
import { experiment, grow, type Lab, perSubject, randomSeeds, type Subject } from './lab.ts';

/** Steps of a walk, in Euclidean length: a seed of 1,024 coordinates is 32 long. */
const STEPS = [-12, -8, -4, 0, 4, 8, 12];
/** The length at which directions are compared. */
const LENGTH = 8;
/** Directions of each kind that are compared, at most. */
const DIRECTIONS = 12;
/** Directions that the sampler is most sensitive to, and rounds of the search for them. */
const SENSITIVE = 8;
const ROUNDS = 8;

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
        caption: `Change of the picture by a step of length ${LENGTH} from the mean seed, along each component, most major first.`,
        svg: lineFigure({
          title: 'Which directions change the picture',
          x: { label: 'component' },
          y: { label: 'mean squared change of a pixel', log: true },
          series: subjects.map(({ title: name, picks, changes }) => ({
            name,
            points: picks.map((k, i): [number, number] => [k + 1, Math.max(changes[i]!, 1e-7)]),
          })),
        }),
      },
    ],
    notes: [
      'The paper moves by a factor of the normalised eigenvector; here all steps of a column have one Euclidean length, so that directions can be compared.',
    ],
  }),
});

type Along = Awaited<ReturnType<typeof alongComponents>>['numbers'];

async function alongComponents(lab: Lab, subject: Subject, title: string) {
  const { latent, model } = await lab.cloud(subject);
  const mean = meanSeed(latent);
  const { components, variances } = principalComponents(latent);
  const count = variances.length;
  const picks = spaced(count, 3 * DIRECTIONS);
  const along = (directions: Floats) => changesAlong(lab, model, mean, directions);
  const told = async (directions: Floats) => ofOne(await along(directions), lab.rng);
  const changes = await along(takeRows(components, picks));
  const some = Math.min(DIRECTIONS, Math.floor(picks.length / 3));
  const draw = (purpose: string) => randomSeeds(lab, model, some, purpose);
  const random = await told(unitRows(draw('directions')));
  const unseen = await told(outside(draw('outside'), { components, variances, mean }));
  const { directions } = await sensitiveDirections(lab.runtime, model, mean, {
    count: SENSITIVE,
    rounds: ROUNDS,
    rng: lab.rng,
  });
  const sensitive = await told(directions);
  const walks: Walk[] = [];
  for (const [label, direction] of [
    ['most minor component', rows(components, count - 1, count)],
    ['most major', rows(components, 0, 1)],
    ['most sensitive direction', rows(directions, 0, 1)],
    ['next to it', rows(directions, 1, 2)],
  ] as const) {
    const seeds = concatRows(STEPS.map(step => moved(mean, direction, step)));
    walks.push({ label, grown: await grow(lab, model, seeds) });
  }
  return {
    numbers: {
      ...{ seeds: latent.shape[0]!, picks, changes, some, count },
      major: ofOne(changes.slice(0, some), lab.rng),
      minor: ofOne(changes.slice(-some), lab.rng),
      ...{ random, unseen, sensitive },
    },
    sheets: [sheetOf(walks, subject, title)],
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

function claimOf(along: Along & { readonly title: string }): Claim {
  const { title, seeds, minor, major, random, unseen, sensitive, some, count } = along;
  const holds = minor.low > 2 * major.high;
  const unseenMinor = sensitive.low > 2 * Math.max(major.high, random.high);
  return judged({
    number: minor,
    against: major,
    rests: [random, sensitive],
    paper: `Only moves along minor components of the cloud change the picture significantly (${title}).`,
    ours: `change of the picture by a step of length ${LENGTH}: ${withInterval(minor)} along the ${some} most minor of ${count} components, ${withInterval(major)} along the most major`,
    control: `random directions ${withInterval(random)}; random ones outside of all ${count} components ${withInterval(unseen)}; the ${SENSITIVE} directions to which the sampler is most sensitive ${withInterval(sensitive)}`,
    numbersSay: holds ? 'holds' : minor.low > major.high || unseenMinor ? 'partly' : 'fails',
    because: `${
      minor.low > major.high
        ? `A step along minor components changes the picture ${figure(minor.mean / major.mean, 2)} times as much as one along major ones, and ${figure(minor.mean / random.mean, 2)} times as much as a random one`
        : `Minor components of a cloud of ${seeds} seeds change the picture ${figure(minor.mean / major.mean, 2)} times as much as major ones: no more`
    }.${unseenMinor ? ` The directions that do change it, ${figure(sensitive.mean / random.mean, 2)} times as much as a random one, are minor ones that the components of so few seeds do not hold.` : ''}`,
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
function outside(
  directions: Floats,
  { components }: Omit<PrincipalComponents, 'mean'> & { mean: Floats },
): Floats {
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
