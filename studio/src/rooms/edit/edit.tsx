import { ask } from '../../engine/client.ts';
import { Compare } from '../../parts/compare.tsx';
import { Button, Slider } from '../../parts/controls.tsx';
import { download } from '../../parts/download.ts';
import { Growth } from '../../parts/growth.tsx';
import { Picker } from '../../parts/picker.tsx';
import { Stopped } from '../../parts/stopped.tsx';
import { attempt } from '../../state/notices.ts';
import { Panes } from './panes.tsx';
import { useEdit } from './state.ts';
import { Tools } from './tools.tsx';

export function Edit() {
  const edit = useEdit();
  const { dial, found } = edit;
  return (
    <>
      <Picker label="Picture to draw on" chosen={[edit.picture()]} foreign onChoose={edit.choose} />
      <Panes edit={edit} />
      <Stopped when={edit.stopped()} note="stopped before it was grown" />
      <div class="row controls">
        <Slider
          label="The result is"
          value={dial()}
          range={[0, 1]}
          step={0.05}
          shown={value => (value < 0.2 ? 'faithful' : value > 0.7 ? 'natural' : 'between')}
          ends={['faithful', 'natural']}
          onRest={edit.setDial}
        />
        <Tools />
      </div>
      <div class="row">
        <Button disabled={edit.strokes().length === 0} onPress={edit.clear}>
          Clear
        </Button>
        <span class="gap" />
        <Button
          disabled={!found()}
          onPress={() =>
            void attempt(async () => download(await ask('png', found()!.pictures), 'grown-again.png'))
          }
        >
          Picture .png
        </Button>
      </div>
      <div class="columns closer">
        <Growth seed={found()?.latent} />
        <Compare before={edit.drawn()} after={found()?.pictures} names={['Drawing', 'Grown']} />
      </div>
    </>
  );
}
