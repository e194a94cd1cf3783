import { createMemo, createSignal } from 'solid-js';
import type { Floats, Found } from '../../engine/engine.ts';
import { rgbaOf } from '../../parts/pixels.tsx';
import { numberPart, part } from '../../state/address.ts';
import { useFiles } from '../../state/files.ts';
import { whenever } from '../../state/latest.ts';
import { card, current, ready } from '../../state/models.ts';
import { urlOf } from '../../state/pictures.ts';
import { resumed } from '../../state/results.ts';
import { pixelsOf, seek } from '../../state/seeds.ts';
import { drawOn, readStrokes, type Stroke, writeStrokes } from '../../state/strokes.ts';

/** What was grown, and its numbers as long as they are of what is drawn. */
type Grown = Omit<Found, 'results'> & { readonly results?: Found['results'] | undefined };

/** A picture to draw on, and what the model grows of it: from faithful, with every stroke, to natural. */
export function useEdit() {
  const [picture, setPicture] = part<string>('picture', '8-bag');
  const [dial, setDial] = numberPart('natural', 0.5, [0, 1], 0.05);
  const [letters, setLetters] = part<string>('strokes', '');
  const [original, setOriginal] = createSignal<{ readonly id: string; readonly pixels: Floats }>();
  const [line, setLine] = createSignal<Stroke>();
  const [found, setFound] = createSignal<Grown>();
  const [stopped, setStopped] = createSignal(false);

  const url = urlOf(picture);
  const strokes = createMemo(() => readStrokes(letters()));
  const keep = (kept: readonly Stroke[]) => setLetters(writeStrokes(kept));
  const draw = (kept: readonly Stroke[]): Floats | undefined => {
    const base = original()?.pixels;
    return base && (kept.length > 0 ? drawOn(rgbaOf(base), kept, base.shape[1]!) : base);
  };
  const drawn = createMemo(() => draw(strokes()));
  /** Strokes are of the picture: another one has none, and undoing brings both back. */
  const choose = (id: string) => {
    if (id === picture()) return;
    keep([]);
    setPicture(id);
  };
  useFiles({ picture: choose });

  whenever(
    () => [current(), picture(), ready(), url()] as const,
    async ([model, id, ready], counts) => {
      if (!ready) return;
      setFound(undefined);
      setOriginal(undefined);
      const pixels = await pixelsOf(model, id);
      if (counts()) setOriginal({ id, pixels });
    },
  );
  whenever(
    () => [current(), original(), drawn(), dial(), resumed()] as const,
    async ([model, original, images, naturalness], counts, onOutdated) => {
      // Strokes of another picture may be here before its pixels.
      if (original?.id !== picture() || !images || images.shape.slice(1).join() !== card()?.picture.join())
        return;
      setStopped(false);
      // What is shown stays until there is something better, its numbers do not.
      if (found()) setFound({ ...found()!, results: undefined });
      const asked = { images, method: 'auto', naturalness, noiseOf: original.pixels } as const;
      const told = await seek('Growing it again', model, original.id, letters(), asked, { onOutdated });
      if (!counts()) return;
      setFound(told);
      setStopped(!told);
    },
  );

  return {
    ...{ picture, choose, dial, setDial, strokes, drawn, found, stopped },
    result: () => found()?.results?.[0],
    /** The picture with strokes, that which is being drawn among them. */
    shown: createMemo(() => (line() ? draw([...strokes(), line()!]) : drawn())),
    clear: () => keep([]),
    begin: (stroke: Stroke) => setLine(stroke),
    move: (place: readonly number[]) =>
      setLine(now => now && { ...now, places: [...now.places, ...place].slice(0, 4000) }),
    finish() {
      const stroke = line();
      setLine(undefined);
      if (stroke) keep([...strokes(), stroke]);
    },
  };
}
export type EditState = ReturnType<typeof useEdit>;
