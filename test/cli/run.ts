/** Runs the command line from its sources in a process of its own, as bin/seedbed.js does from what was built. */
import { main } from '../../src/cli/main.ts';

process.exitCode = await main(process.argv.slice(2));
