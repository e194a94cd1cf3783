import { createMemo, createSignal } from 'solid-js';
import { ask } from '../../engine/client.ts';
import type { CloudAnalysis, Floats } from '../../engine/engine.ts';
import { during } from '../../engine/tasks.ts';
import shippedCloud from '../../shipped/ankle-boot-cloud.safetensors?url';
import { part } from '../../state/address.ts';
import { joinCloud } from '../../state/clouds.ts';
import { useFiles } from '../../state/files.ts';
import { type Of, recall } from '../../state/kept.ts';
import { whenever } from '../../state/latest.ts';
import { cardOf, current, ready, SHIPPED } from '../../state/models.ts';
import { pictureOf, urlOf } from '../../state/pictures.ts';
import { pixelsOf } from '../../state/seeds.ts';
import { joined, without } from '../../state/tensors.ts';
import { joinFile } from './join-file.ts';

/** The picture whose cloud ships with the studio. */
const SHIPPED_PICTURE = '9-ankle-boot';
/** Seeds that are sought at one go. */
const MORE = 2;

/** What a cloud is of. */
interface Subject {
  readonly model: string;
  readonly id: string;
  readonly of: Of;
  readonly image: Floats;
  readonly onOutdated: (end: () => void) => void;
}

/** Many seeds of one picture: those that ship, and those that were found here, which are kept. */
export function useCloud() {
  const [picture, setPicture] = part<string>('picture', SHIPPED_PICTURE);
  const [subject, setSubject] = createSignal<Subject>();
  const [shipped, setShipped] = createSignal<Floats>();
  const [found, setFound] = createSignal<Floats>();
  const [analysis, setAnalysis] = createSignal<CloudAnalysis>();
  const [seeking, setSeeking] = createSignal(false);
  /** Starts that were tried; and the picture of which the person wants no seeds for now. */
  let [starts, stopped] = [0, ''];

  const url = urlOf(picture);
  const seeds = createMemo(() => {
    const parts = [shipped(), found()].filter(part => part !== undefined);
    return parts.length > 0 ? joined(parts) : undefined;
  });
  const count = () => seeds()?.shape[0] ?? 0;

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
      joinFile(file, pictureOf(picture()).title, count, latent => join(subject()!, latent, starts)),
  });

  whenever(
    () => [current(), picture(), ready(), url()] as const,
    async ([model, id, ready], counts, onOutdated) => {
      if (!ready) return;
      setSubject(undefined);
      setAnalysis(undefined);
      for (const clear of [setShipped, setFound]) clear(undefined);
      const image = await pixelsOf(model, id);
      const ships = model === SHIPPED && id === SHIPPED_PICTURE;
      const begun = ships ? await ask('fetchSeeds', new URL(shippedCloud, location.href).href) : undefined;
      const of = [pictureOf(id).id, cardOf(model)!.hash];
      const kept = await recall('cloud', of);
      if (!counts()) return;
      setShipped(begun);
      setFound(kept?.latent);
      starts = Math.max(begun?.shape[0] ?? 0, kept?.starts ?? 0);
      setSubject({ model, id, of, image, onOutdated });
      if (count() === 0 && stopped !== id) await seek(8);
    },
  );

  /** Finds more seeds; each few join the cloud as soon as they are found. */
  async function seek(number: number) {
    const to = subject()!;
    const { model, image: images, onOutdated } = to;
    setSeeking(true);
    const onStop = () => {
      stopped = to.id;
    };
    await during(
      `Finding seeds of ${pictureOf(to.id).title}`,
      { onOutdated, onStop },
      async (task, report, ended) => {
        for (let found = 0; found < number && !ended(); found += MORE) {
          const request = { model, images, method: 'auto', starts: MORE, firstStart: starts } as const;
          const { latent } = await ask('seek', task, request, report);
          if (ended()) return;
          starts += MORE;
          await join(to, latent, starts);
        }
      },
    ).finally(() => setSeeking(false));
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
