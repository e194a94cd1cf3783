/**
 * What the studio's numbers mean: a sentence each, the page of docs/ that says more, and the place in the paper.
 * @module
 */
interface Meaning {
  readonly sentence: string;
  readonly page: string;
  readonly paper?: string;
}

export const PAPER = 'https://arxiv.org/abs/2301.07485';

export const WORDS = {
  error: {
    sentence:
      'Squared error: the mean square of the difference between two pictures, over all pixels, black being 0 and white 1. Where they are the same it is 0.',
    page: 'docs/formats.md',
    paper: 'section 5',
  },
  psnr: {
    sentence:
      'Peak signal-to-noise ratio in decibels: -10 log10 of the squared error. Ten more are a tenth of the error; 30 dB are an error of .001.',
    page: 'docs/formats.md',
  },
  evaluations: {
    sentence:
      'How often the network was asked on the way to this seed: an answer with its gradient counts twice, and growing the picture to check it is included.',
    page: 'docs/formats.md',
  },
  variance: {
    sentence:
      'Mean square of the coordinates of the seed. Noise has 1: a seed far from that grows its picture without being a likely noise.',
    page: 'docs/methods.md',
    paper: 'section 4',
  },
  certificate: {
    sentence:
      'What the search measured on its way. A flag says what failed, such as a step that could not be undone; a seed with a flag is never called found.',
    page: 'docs/methods.md',
  },
  component: {
    sentence:
      'A principal component is a direction in which the seeds of one picture vary, the first the one in which they do most. As many seeds of pure noise would vary as the second curve says (Marchenko and Pastur).',
    page: 'docs/reproduction/README.md',
    paper: 'section 4',
  },
  belief: {
    sentence:
      'In every state x = s x0 + n ε the network says which noise ε it sees, or v = s ε - n x0. What follows, x0 = (x - n ε) / s = s x - n v, is the clean picture that it believes in; the step leads a little towards it.',
    page: 'docs/decisions/0018-steps-in-the-form-predicted.md',
    paper: 'section 3',
  },
  strange: {
    sentence:
      'A little noise is laid on the picture, and the model takes it away again. What it was trained on it restores; what it does not know it alters. Pictures that it grows itself are the measure.',
    page: 'docs/methods.md',
    paper: 'section 5',
  },
  gate: {
    sentence:
      "Conditions that a model has to meet before its seeds can speak for its data: its errors compared with the best linear denoiser's, its pictures with real ones.",
    page: 'docs/decisions/0017-gate.md',
  },
} as const satisfies Record<string, Meaning>;
export type WordName = keyof typeof WORDS;
