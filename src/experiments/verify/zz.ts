import { createRuntime } from '../../runtime/node.ts';
import { CHECKS, verify } from '../verify.ts';

const runtime = await createRuntime({ threads: 1 });
const only = process.argv[3];
const rngs = process.argv[2]!.split(',').map(Number);
for (const rng of rngs) {
  let t = performance.now();
  const start = t;
  await verify(runtime, {
    rng,
    checks: CHECKS.filter(c => !only || c.title.includes(only)),
    onRows(title, rows) {
      const now = performance.now();
      if (rngs.length === 1) console.log(`\n${title} (${((now - t) / 1000).toFixed(1)} s)`);
      t = now;
      for (const r of rows)
        if (!r.passed || rngs.length === 1)
          console.log(
            `${rngs.length > 1 ? rng : ''}  ${r.what.padEnd(64)} ${r.expected.toPrecision(5).padEnd(12)} ${r.got.toPrecision(5).padEnd(12)} ${r.low.toPrecision(4)} ${r.high.toPrecision(4)} ${r.passed ? 'ok' : 'OFF'}`,
          );
    },
  });
  console.log(rng, ((performance.now() - start) / 1000).toFixed(1));
}
