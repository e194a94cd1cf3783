/** The methods that the room offers, from the quickest on. */
export const METHODS = {
  embedder: { label: 'the embedder, in one pass', network: true, descends: false },
  'embedder+descent': { label: 'the embedder, then descent', network: true, descends: true },
  auto: { label: 'split inversion', network: false, descends: false },
  'fixed-point': { label: 'the sampler undone step by step', network: false, descends: false },
  descent: { label: 'descent from noise', network: false, descends: true },
} as const;
export type Offered = keyof typeof METHODS;
export const NAMES = Object.keys(METHODS) as Offered[];
