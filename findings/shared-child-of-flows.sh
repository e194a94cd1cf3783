#!/usr/bin/env bash
# Guess: two BullMQ flows may wait for one child job (same jobId, say one shard's work): the second parent takes its result, or FlowProducer.add refuses.
# Happens: it is added without error and never linked while the first parent exists. With that child alone the second parent stays in waiting-children for good, with no child listed as unprocessed; with a new child beside it, it runs without the shared one's result. Queue.add of the same link does refuse. A child without a parent is taken.
# Version: bullmq 6.7.0 with ioredis 6.0.0 and redis-server 7.0.15 (Debian 12); source: handleDuplicatedJob in the Lua of addStandardJob answers -7 where the child's parentKey exists; inside a flow it marks the parent, flowAttachmentFailed, and add() goes on.
set -euo pipefail
command -v redis-server >/dev/null || { echo "needs Debian's redis-server"; exit 2; }
dir=$(mktemp -d); redis=; stop() { [ -z "$redis" ] || { kill "$redis"; wait "$redis" || true; }; rm -rf "$dir"; }; trap stop EXIT; cd "$dir"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent bullmq@6.7.0 ioredis@6.0.0
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --dir "$dir" >redis.log & redis=$!
for _ in $(seq 50); do [ -S redis.sock ] && break; sleep .1; done

cat > run.mjs <<'JS'
import { FlowProducer, Queue, Worker } from 'bullmq';

const connection = { path: process.argv[2] };
const queueName = 'shards';
const queue = new Queue(queueName, { connection });
const flows = new FlowProducer({ connection });
const worker = new Worker(queueName, async job => `result of ${job.name}`, { connection, concurrency: 4 });
const settle = () => new Promise(resolve => setTimeout(resolve, 3000));
const child = jobId => ({ name: jobId, queueName, data: {}, opts: { jobId } });
const flow = (name, ...children) => flows.add({ name, queueName, data: {}, children: children.map(child) });
const seen = {};
const look = async ({ job }) => {
  const { unprocessed } = await job.getDependencies();
  const values = Object.values(await job.getChildrenValues()).sort();
  seen[job.name] = `${await job.getState()}, results [${values}], unprocessed [${unprocessed}]`;
  console.log(job.name.padEnd(18), seen[job.name]);
};

const first = await flow('first parent', 'shared');
await settle();
const second = await flow('second parent', 'shared');
const third = await flow('third parent', 'shared', 'new');
await queue.add('free', {}, { jobId: 'free' });
await settle();
const fourth = await flow('of a free child', 'free');
await settle();
for (const parent of [first, second, third, fourth]) await look(parent);
const refusal = await queue
  .add('shared', {}, { jobId: 'shared', parent: { id: second.job.id, queue: `bull:${queueName}` } })
  .then(() => 'taken', error => error.message);
console.log('Queue.add of the same link:', refusal);
await worker.close();
const known = seen['first parent'] === 'completed, results [result of shared], unprocessed []'
  && seen['second parent'] === 'waiting-children, results [], unprocessed []'
  && seen['third parent'] === 'completed, results [result of new], unprocessed []'
  && seen['of a free child'] === 'completed, results [result of free], unprocessed []'
  && refusal.includes('cannot be replaced');
if (!known) console.log('CHANGED: expected the second parent to wait for nothing, and the third to run without the shared result');
else console.log('as known: a flow is added without the child that it shares');
process.exit(known ? 0 : 1);
JS
node run.mjs "$dir/redis.sock"
