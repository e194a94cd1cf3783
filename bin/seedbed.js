#!/usr/bin/env node
import { main } from '../dist/cli/main.js';

// A worker of a queue that is killed cannot say so to the shard that it started.
if (process.channel) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
process.exitCode = await main(process.argv.slice(2));
