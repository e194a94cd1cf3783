import * as seedbed from 'seedbed';

// The tests call the public API from outside, through this name.
Object.assign(globalThis, { seedbed });
