import { Button, Choice, Slider } from '../../parts/controls.tsx';
import { download } from '../../parts/download.ts';
import { animated, strip } from '../../parts/export.ts';
import { attempt } from '../../state/notices.ts';
import { pictureOf } from '../../state/pictures.ts';
import type { WalkState } from './state.ts';

/** Where on the way, which way, and what one takes away. */
export function Controls(props: { readonly walk: WalkState }) {
  const { frame, last, chosen, path, complete } = props.walk;
  return (
    <div class="row controls">
      <Slider
        label="Along the way"
        value={frame()}
        range={[0, last()]}
        shown={value => `${value + 1} of ${last() + 1}`}
        ends={[pictureOf(chosen()[0] ?? '').title, pictureOf(chosen().at(-1) ?? '').title]}
        onSlide={props.walk.setAt}
      />
      <Choice
        label="Between seeds"
        options={[
          ['slerp', 'Arc (slerp)'],
          ['lerp', 'Chord (lerp)'],
        ]}
        value={props.walk.kind()}
        onChoose={props.walk.setKind}
      />
      <Choice
        label="Seeds are found"
        options={[
          ['quick', 'At once'],
          ['faithful', 'Faithfully'],
        ]}
        value={props.walk.way()}
        onChoose={props.walk.setWay}
      />
      <span class="gap" />
      <Button
        disabled={!complete()}
        onPress={() =>
          void attempt(async () => {
            const { pixels, grown } = path()!;
            download(await strip([pixels, grown]), 'walk.png');
          })
        }
      >
        Strip .png
      </Button>
      <Button
        disabled={!complete()}
        onPress={() => void attempt(async () => download(await animated(path()!.grown), 'walk.gif'))}
      >
        Animation .gif
      </Button>
    </div>
  );
}
