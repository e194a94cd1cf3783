/**
 * Writes docs/schedulers.md: what Seedbed does with each scheduler class of diffusers and each of its fields, from the tables in
 * src/diffusion/diffusers. Run it by `npm run docs:schedulers` after a change of them.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FIELDS } from '../src/diffusion/diffusers/fields.ts';
import { SCHEDULERS, type Spacing } from '../src/diffusion/diffusers/schedulers.ts';

const SPACINGS: Readonly<Record<Spacing, string>> = {
  own: '`timestep_spacing`: leading, trailing or linspace',
  'one more': '`timestep_spacing` of T + 1 points, the last not visited',
  even: 'evenly from the last timestep to 0',
  distilled: 'T of `original_inference_steps`',
  flow: 'sigmas from 1, to 1 / N, or of pipelines that name theirs to 1 / T, shifted',
  edm: 'sigmas from `sigma_max` to `sigma_min`; the network is preconditioned (EDM)',
  consistency: 'one step from `sigma_max`; the network is preconditioned (consistency models)',
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');

/** The page. */
export function schedulersPage(): string {
  const classes = Object.entries(SCHEDULERS).map(([name, row]) =>
    'refused' in row
      ? [`\`${name}\``, 'refused', row.refused]
      : [
          `\`${name}\``,
          SPACINGS[row.spacing],
          [
            row.leavesOut && `left out: ${row.leavesOut}`,
            row.ends === 'first' && 'ends at timestep 0',
            row.neverClips && 'never clips',
            row.strides && '`--like diffusers` steps by N // T',
          ]
            .filter(Boolean)
            .join('; '),
        ],
  );
  const fields = Object.entries(FIELDS).map(([name, { does, text }]) => [`\`${name}\``, does, text]);
  return `# Schedulers of diffusers

What \`seedbed import\` makes of a \`scheduler_config.json\`: every class of diffusers 0.42.1 and every field.
This page is written by \`npm run docs:schedulers\` from the tables in \`src/diffusion/diffusers\`, whose timesteps, pictures and seeds the tests compare with those of diffusers
(\`test/fixtures/diffusers/record.py\`). Where diffusers itself steps beside its own timesteps: [bring-your-own-model.md](bring-your-own-model.md#what-diffusers-does-otherwise).

## Classes
A class that is not here is refused. \`--config\` with \`schedule\`, \`predicts\` and \`sampler\` describes what is refused.

${table(['class', 'timesteps', ''], classes)}

## Fields
Those that a file leaves out have the defaults of its class. A field that the class does not have is named in a note, and passed over. A refused one may be described with \`--config\`.

${table(['field', '', 'by what, or why'], fields)}
`;
}

const PAGE = fileURLToPath(new URL('../docs/schedulers.md', import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, schedulersPage());
