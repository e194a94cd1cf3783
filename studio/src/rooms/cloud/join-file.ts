import { ask } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { current } from '../../state/models.ts';
import { say } from '../../state/notices.ts';

/** Has the seeds of a file join the cloud of a picture, and says how many did. */
export async function joinFile(
  file: File,
  title: string,
  count: () => number,
  join: (latent: Floats) => Promise<void>,
): Promise<void> {
  const { latent, from, pictures } = await ask('openSeeds', file, file.name, current());
  if (pictures.some(name => name !== title))
    return say(
      `${file.name} holds seeds of ${from}, not of ${title}: choose that picture first, then drop the file again.`,
      'trouble',
    );
  const before = count();
  await join(latent);
  const known = latent.shape[0]! - (count() - before);
  say(
    `${count() - before} seeds of ${file.name} joined the cloud${known > 0 ? `; ${known} were in it already` : ''}${pictures.length === 0 ? '; the file does not say of which picture they are' : ''}.`,
  );
}
