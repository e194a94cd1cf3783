/** The methods that the room offers, from the quickest on; whether each is of a trained network, goes by descent, and is refined by more of it. */
export const METHODS = {
  embedder: { label: 'the embedder, in one pass', network: true, descends: false, refines: true },
  'embedder+descent': { label: 'the embedder, then descent', network: true, descends: true, refines: true },
  auto: { label: 'split inversion', network: false, descends: false, refines: false },
  'fixed-point': {
    label: 'the sampler undone step by step',
    network: false,
    descends: false,
    refines: false,
  },
  descent: { label: 'descent from noise', network: false, descends: true, refines: true },
} as const;
export type Offered = keyof typeof METHODS;
export const NAMES = Object.keys(METHODS) as Offered[];
