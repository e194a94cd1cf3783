import { render } from 'solid-js/web';
import { App } from './app.tsx';
import { recallModels } from './state/models.ts';
import { recallPictures } from './state/pictures.ts';

// What a person brought before is there from the first sight on.
await Promise.all([recallPictures(), recallModels()]);
render(() => <App />, document.getElementById('studio')!);
