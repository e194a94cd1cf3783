import { createMemo } from 'solid-js';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { card, current } from '../../state/models.ts';
import { addSeeds } from '../../state/seed-files.ts';
import { seedShips } from '../../state/seeds.ts';
import { METHODS, NAMES, type Offered } from './methods.ts';

/** What a person chooses in the room: a picture, or seeds of a file, and the way from the one to the other. */
export function useChoices() {
  const [picture, setPicture] = part<string>('picture', '9-ankle-boot');
  const [file, setFile] = part<string>('file', '');
  const [which, setWhich] = numberPart('which', 0, [0, 1e6]);
  const [asked, setMethod] = part<Offered | ''>('method', '', NAMES);
  const [steps, setSteps] = numberPart('steps', 16, [4, 200]);
  const offered = createMemo(() =>
    NAMES.filter(name => card()?.hasEmbedder !== false || !METHODS[name].network),
  );
  const method = createMemo<Offered>(() => {
    const wanted = asked() || (seedShips(current(), picture()) ? 'auto' : 'embedder');
    return offered().includes(wanted) ? wanted : 'auto';
  });
  const choose = (id: string) => {
    setFile('');
    setWhich(0);
    setPicture(id);
  };
  useFiles({
    picture: choose,
    seeds: async dropped => {
      const id = await addSeeds(dropped, current());
      setWhich(0);
      setFile(id);
    },
  });
  return {
    ...{ picture, choose, file, setFile, which, setWhich, method, setMethod, offered, steps, setSteps },
    descends: () => METHODS[method()].descends,
  };
}
export type Choices = ReturnType<typeof useChoices>;
