import { ask } from '../../engine/client.ts';
import type { Floats } from '../../engine/engine.ts';
import { current } from '../../state/models.ts';
import { say } from '../../state/notices.ts';
import type { Listed } from '../../state/pictures.ts';

/** Has the seeds of a file join the cloud of a picture, and says how many did. */
export async function joinFile(
  file: File,
  { id, title, own }: Listed,
  count: () => number,
  join: (latent: Floats) => Promise<void>,
): Promise<void> {
  const { latent, from, pictures } = await ask('openSeeds', file, file.name, current());
  // A file of the command line names the picture's file, one of the studio its title.
  const names = [title, ...(own ? [] : [`${id.split('/').at(-1)}.png`])];
  if (pictures.some(name => !names.includes(name)))
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
