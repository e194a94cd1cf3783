import type { Component } from 'solid-js';
import type { RoomName } from '../state/address.ts';
import { Cloud } from './cloud/cloud.tsx';
import { Edit } from './edit/edit.tsx';
import { Embed } from './embed/embed.tsx';
import { Gravity } from './gravity/gravity.tsx';
import { Networks } from './networks/networks.tsx';
import { Train } from './train/train.tsx';
import { Walk } from './walk/walk.tsx';

interface Row {
  readonly title: string;
  /** What one does there. */
  readonly sentence: string;
  readonly Room: Component;
}

/** Every room, in the order in which they are offered. */
export const ROOMS = {
  embed: {
    title: 'Embed',
    sentence: 'Find the noise from which the model grows a picture: its seed.',
    Room: Embed,
  },
  edit: {
    title: 'Edit',
    sentence: 'Draw on a picture; the model grows it again and makes the strokes its own.',
    Room: Edit,
  },
  walk: {
    title: 'Walk',
    sentence: 'Go from picture to picture: through pixels, or through the noise that grows them.',
    Room: Walk,
  },
  cloud: {
    title: 'Cloud',
    sentence: 'One picture has many seeds. See how they lie, average them, walk along their axes.',
    Room: Cloud,
  },
  networks: {
    title: 'Same seed',
    sentence: 'One seed, several networks: how much of the noise space do they share?',
    Room: Networks,
  },
  gravity: {
    title: 'Gravity',
    sentence: 'Draw points in the plane, train a denoiser on them, and watch seeds fall.',
    Room: Gravity,
  },
  train: {
    title: 'Train',
    sentence: 'Have a small model learn pictures, and watch them come out of the noise.',
    Room: Train,
  },
} as const satisfies Record<RoomName, Row>;
