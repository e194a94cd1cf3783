/** The WebSocket client (package ws) that playwright-core brings; Node 20 has none of its own. */
declare module 'playwright-core/lib/utilsBundle' {
  import type { EventEmitter } from 'node:events';
  export class ws extends EventEmitter {
    constructor(address: string);
    send(text: string): void;
  }
}
