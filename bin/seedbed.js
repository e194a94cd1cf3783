#!/usr/bin/env node
// A batch system may stop a command before it has begun, and then starts it again (docs/commands.md).
const again = () => process.exit(75);
process.on('SIGTERM', again);
const { main } = await import('../dist/cli/main.js');
process.off('SIGTERM', again);

// A worker of a queue that is killed cannot say so to the shard that it started.
if (process.channel) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
process.exitCode = await main(process.argv.slice(2));
