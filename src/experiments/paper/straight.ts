import { nearestOnCurve } from '../../data/synthetic.ts';
import { gaussianDenoiser } from '../../diffusion/oracle.ts';
import { bootstrapMean, toPixels } from '../../embedding/metrics.ts';
import { planeFigure } from '../../figures/plane.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Claim, Picture } from '../findings.ts';
import { type Experiment, randomSeeds, pictures as read } from '../lab.ts';
import { CURVES, planeDenoiser, pointsOf } from '../plane.ts';
import { straightness, trajectories } from '../trajectories.ts';
import { figure, withInterval } from '../wording.ts';

/** |cos| of the angle between two random directions in the plane, mean. */
const RANDOM = 2 / Math.PI;
/** Trajectories drawn, and points of the data beside them. */
const DRAWN = 60;
const DATA = 400;
/** Seeds farther out are not drawn. */
const REACH = 2.5;

/** Whether trajectories are almost straight and orthogonal to the data (Asperti et al. 2023, section 3.3, of fig. 9). */
export const straight: Experiment = {
  name: 'straight',
  title: 'are trajectories straight, and orthogonal to the data?',
  needs: ['fashion-mnist'],
  async run(lab) {
    const claims: Claim[] = [];
    const pictures: Picture[] = [];
    for (const curve of CURVES) {
      const model = await planeDenoiser(lab, curve);
      const states = await trajectories(lab, model, randomSeeds(lab, model, lab.sizes.sample, 'straight'));
      const shown = states.map(state => toPixels(state, model.info));
      const share = bootstrapMean(straightness(shown), lab.rng);
      const [starts, ends] = [pointsOf(shown[0]!), pointsOf(shown.at(-1)!)];
      const cosines = ends.map(([x, y], i) => {
        const { tangent } = nearestOnCurve(curve, x, y);
        const [dx, dy] = [x - starts[i]![0], y - starts[i]![1]];
        return Math.abs(dx * tangent[0] + dy * tangent[1]) / (Math.hypot(dx, dy) || 1);
      });
      const along = bootstrapMean(cosines, lab.rng);
      const control = await gaussianStraightness();
      const isStraight = share.low > 0.9;
      const isOrthogonal = along.high < RANDOM / 2;
      const aslant = along.high < RANDOM;
      claims.push({
        paper: `The trajectories are almost straight and oriented along directions orthogonal to the data manifold (${curve}).`,
        ours: `chord over path ${withInterval(share)}; |cos| of the angle between chord and data ${withInterval(along)}`,
        control: `trajectories of a round Gaussian, which run straight to its middle, ${figure(control)}; directions in no relation to the data have |cos| ${figure(RANDOM)}`,
        verdict: isStraight && isOrthogonal ? 'holds' : isStraight || aslant ? 'partly' : 'fails',
        because: `The paths are ${figure(1 / share.mean)} times as long as their chords${isStraight ? ', nearly straight' : ''}; the chords ${isOrthogonal ? 'meet the data nearly at right angles' : aslant ? 'meet the data more steeply than by chance, but not at right angles' : 'meet the data at no particular angle'}.`,
        values: { straight: share.mean, cosine: along.mean, control },
      });
      const data = pointsOf(await read(await lab.data(curve, 'test'), 0, DATA));
      const drawn = starts.flatMap(([x, y], i) => (Math.hypot(x, y) < REACH ? [i] : [])).slice(0, DRAWN);
      const at = (points: readonly [number, number][]) => drawn.map(i => points[i]!);
      pictures.push({
        kind: 'plot',
        file: `straight-${curve}`,
        caption: `Trajectories of ${drawn.length} random seeds (${curve}).`,
        svg: planeFigure({
          title: `Trajectories, ${curve}`,
          x: { label: 'first coordinate' },
          y: { label: 'second coordinate' },
          groups: [
            { name: 'data', points: data, radius: 1.2 },
            { name: 'seeds', points: at(starts), radius: 2.5 },
            { name: 'where they land', points: at(ends), radius: 2.5 },
          ],
          paths: drawn.map(i => shown.map(state => pointsOf(state)[i]!)),
          width: 640,
        }),
      });
    }
    const model = await lab.denoiser('fashion-mnist');
    const seeds = randomSeeds(lab, model, Math.min(lab.sizes.sample, 100), 'straight');
    const paths = await trajectories(lab, model, seeds);
    const share = bootstrapMean(straightness(paths), lab.rng);
    const control = await gaussianStraightness();
    const turned = bootstrapMean(straightness(shuffledSteps(paths)), lab.rng);
    claims.push({
      paper: 'The trajectories are almost straight (said of fig. 9; here for pictures, Fashion-MNIST).',
      ours: `chord over path ${withInterval(share)} in ${seeds.data.length / seeds.shape[0]!} dimensions`,
      control: `a round Gaussian's ${figure(control)}; steps as long in random directions ${withInterval(turned)}`,
      verdict: share.low > 0.9 ? 'holds' : share.low > turned.high ? 'partly' : 'fails',
      because: `The path of a seed to its picture is ${figure(1 / share.mean)} times as long as the straight line; at random it would be ${figure(1 / turned.mean)} times.`,
      values: { straight: share.mean, control, turned: turned.mean },
    });
    return { claims, pictures };

    /** What trajectories known in closed form give: on round Gaussian data a seed moves along its own direction. */
    async function gaussianStraightness(): Promise<number> {
      const gaussian = gaussianDenoiser(0.25, [2]);
      const states = await trajectories(lab, gaussian, randomSeeds(lab, gaussian, 16, 'straight'));
      return straightness(states).reduce((sum, value) => sum + value, 0) / 16;
    }
  },
};

/** Trajectories whose steps have the lengths of those given and the directions of other rows' noise. */
function shuffledSteps(states: readonly Tensor<'float32'>[]): Tensor<'float32'>[] {
  const [first] = states;
  const count = first!.shape[0]!;
  const width = first!.data.length / count;
  const result = [first!];
  for (let k = 1; k < states.length; k++) {
    const data = result.at(-1)!.data.slice();
    for (let row = 0; row < count; row++) {
      let [step, other] = [0, 0];
      const borrowed = ((row + k) % count) * width;
      for (let i = 0; i < width; i++) {
        step += (states[k]!.data[row * width + i]! - states[k - 1]!.data[row * width + i]!) ** 2;
        other += first!.data[borrowed + i]! ** 2;
      }
      const factor = Math.sqrt(step / other);
      for (let i = 0; i < width; i++) data[row * width + i]! += factor * first!.data[borrowed + i]!;
    }
    result.push(float32(first!.shape, data));
  }
  return result;
}
