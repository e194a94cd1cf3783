import { createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { CloudAnalysis, Floats } from '../../engine/engine.ts';
import { Trouble } from '../../engine/trouble.ts';
import { part } from '../../state/address.ts';
import { joinCloud } from '../../state/clouds.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { current, ready } from '../../state/models.ts';
import { pictureOf, urlOf } from '../../state/pictures.ts';
import { joined, without } from '../../state/tensors.ts';
import { joinFile } from './join-file.ts';
import { open, SHIPPED_PICTURE, type Subject, search } from './subject.ts';

/** Seeds that ship with the studio, and those that were found here. */
function useParts() {
  const [shipped, setShipped] = createSignal<Floats>();
  const [found, setFound] = createSignal<Floats>();
  const seeds = createMemo(() => {
    const parts = [shipped(), found()].filter(part => part !== undefined);
    return parts.length > 0 ? joined(parts) : undefined;
  });
  return { shipped, setShipped, setFound, seeds, count: () => seeds()?.shape[0] ?? 0 };
}

/** Pictures of which the person wants no seeds for now. */
const stopped = new Set<string>();

/** Many seeds of one picture: those that ship, and those that were found here, which are kept. */
export function useCloud() {
  const [picture, setPicture] = part<string>('picture', SHIPPED_PICTURE);
  const [subject, setSubject] = createSignal<Subject>();
  const { shipped, setShipped, setFound, seeds, count } = useParts();
  const [analysis, setAnalysis] = createSignal<CloudAnalysis>();
  const [seeking, setSeeking] = createSignal(false);
  /** Starts that were tried. */
  let starts = 0;

  const url = urlOf(picture);
  /** Seeds join the cloud of a subject, and what is shown if that is it. */
  async function join(to: Subject, latent: Floats, starts: number): Promise<void> {
    const fresh = shipped() ? without(latent, shipped()!) : latent;
    if (!fresh) return;
    const cloud = await joinCloud(to.of, { latent: fresh, starts });
    if (subject() === to) setFound(cloud.latent);
  }
  useFiles({
    picture: setPicture,
    seeds: file =>
      joinFile(file, pictureOf(picture()), count, latent => {
        const to = subject();
        if (!to)
          throw new Trouble('BadArgument', `${file.name} came before the picture was read: drop it again.`);
        return join(to, latent, starts);
      }),
  });

  whenever(
    () => [current(), picture(), ready(), url()] as const,
    async ([model, id, ready], counts, onOutdated) => {
      if (!ready) return;
      setSubject(undefined);
      setAnalysis(undefined);
      for (const clear of [setShipped, setFound]) clear(undefined);
      const opened = await open(model, id, onOutdated);
      if (!counts()) return;
      setShipped(opened.shipped);
      setFound(opened.found);
      starts = opened.starts;
      setSubject(opened);
      if (count() === 0 && !stopped.has(id)) await seek(8);
    },
  );

  /** Finds more seeds; each few join the cloud as soon as they are found. */
  async function seek(number: number) {
    const to = subject()!;
    setSeeking(true);
    const onStop = () => void stopped.add(to.id);
    const found = async (latent: Floats, tried: number) => {
      starts = tried;
      await join(to, latent, tried);
    };
    await search(to, starts, number, found, onStop).finally(() => setSeeking(false));
  }

  whenever(seeds, async (all, counts) => {
    if (!all || all.shape[0]! < 2) return;
    const measured = await ask('analyse', all);
    if (counts()) setAnalysis(measured);
  });

  return {
    ...{ picture, setPicture, seeds, count, analysis, seeking, seek },
    image: () => subject()?.image,
    /** How many of them ship with the studio. */
    shippedCount: () => shipped()?.shape[0] ?? 0,
  };
}
export type CloudState = ReturnType<typeof useCloud>;
