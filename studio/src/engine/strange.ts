/**
 * How strange a picture is to a model.
 * @module
 */
import { sample, strangeness } from 'seedbed';
import { modelOf } from './open.ts';
import { running } from './runtime.ts';
import { type Floats, type OnReport, watched, working } from './work.ts';

/** The model's own pictures that others are compared with. */
const OWN = 4;
const usual = new Map<string, number>();

/** How many times as much of a picture a model alters as of those that it grows itself. */
export async function strange(task: number, key: string, image: Floats, report: OnReport): Promise<number> {
  return working(task, report, async watch => {
    const model = await modelOf(key);
    const runtime = watched(await running(), watch);
    if (!usual.has(key)) {
      const { pictures } = await sample(model, { count: OWN, runtime });
      const own = await strangeness(model, pictures, { runtime });
      usual.set(key, own.reduce((sum, value) => sum + value, 0) / own.length);
    }
    const [value] = await strangeness(model, image, { runtime });
    return value! / usual.get(key)!;
  });
}
