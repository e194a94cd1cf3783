#!/usr/bin/env bash
# Checks docs/many-machines/job.yaml against the schema that Kubernetes publishes of its API, as the package kubernetes-models
# carries it (5.1.0). A wrong value is named; a wrong name of a field is what `kubectl apply --validate=strict` finds.
set -euo pipefail
manifest=$(realpath "$(dirname "$0")/../docs/many-machines/job.yaml")
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --ignore-scripts kubernetes-models@5.1.0 yaml@2.9.1
cat > check.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { parse } from 'yaml';

const text = readFileSync(process.argv[2], 'utf8');
new Job(parse(text)).validate();
for (const [from, to] of [['FailIndex', 'FailShard'], ['completions: 100', 'completions: many']])
  try {
    new Job(parse(text.replace(from, to))).validate();
    console.log(`not noticed: ${to}`);
  } catch (error) {
    console.log(`${to} would be refused: ${error.message.split('\n')[0]}`);
  }
console.log('job.yaml: valid');
JS
node check.mjs "$manifest"
