#!/usr/bin/env bash
# Guess: ONNX Runtime's own optimisation knows random operators: two Bernoulli nodes on one input are two draws at every level.
# Happens: from level basic on they are one draw (the masks are equal everywhere); with optimisation disabled they differ. RandomUniformLike on one input stays two draws at every level.
# Version: onnxruntime 1.32.0 and onnxruntime-node 1.30.0; source: the optimisers' list of non-deterministic operators names RandomNormal, RandomUniform, their Like forms, Multinomial and Dropout, not Bernoulli (core/optimizer/utils.cc).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent onnxruntime-node@1.30.0

cat > run.py <<'PY'
import json
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

N = 1000
value = lambda n: helper.make_tensor_value_info(n, TensorProto.FLOAT, [N])
levels = {'disabled': ort.GraphOptimizationLevel.ORT_DISABLE_ALL, 'basic': ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
          'all': ort.GraphOptimizationLevel.ORT_ENABLE_ALL}
seen = {}
for op in ('Bernoulli', 'RandomUniformLike'):
    nodes = [helper.make_node(op, ['x'], [o]) for o in ('a', 'b')] + [helper.make_node('Sub', ['a', 'b'], ['y'])]
    model = helper.make_model(helper.make_graph(nodes, 'g', [value('x')], [value('y')]),
                              opset_imports=[helper.make_opsetid('', 17)], ir_version=8).SerializeToString()
    open(f'{op}.onnx', 'wb').write(model)
    for name, level in levels.items():
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        session = ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
        y = session.run(None, {'x': np.full(N, .5, np.float32)})[0]
        seen[f'python {op} {name}'] = float((y != 0).mean())
print(json.dumps(seen))
PY
cat > run.mjs <<'JS'
import ort from 'onnxruntime-node';
const seen = {};
for (const op of ['Bernoulli', 'RandomUniformLike'])
  for (const level of ['disabled', 'basic', 'all']) {
    const session = await ort.InferenceSession.create(`${op}.onnx`, { graphOptimizationLevel: level, logSeverityLevel: 3 });
    const { y } = await session.run({ x: new ort.Tensor('float32', new Float32Array(1000).fill(0.5), [1000]) });
    seen[`node ${op} ${level}`] = y.data.filter(v => v !== 0).length / 1000;
  }
console.log(JSON.stringify(seen));
JS
env/bin/python run.py | tee python.json
node run.mjs | tee node.json
node -e '
const seen = Object.assign({}, ...["python.json", "node.json"].map(f => JSON.parse(require("fs").readFileSync(f))));
const same = Object.entries(seen).filter(([, differing]) => differing === 0).map(([key]) => key);
const known = ["python Bernoulli basic", "python Bernoulli all", "node Bernoulli basic", "node Bernoulli all"];
if (JSON.stringify(same) !== JSON.stringify(known)) { console.log(`CHANGED: one draw in ${same}; expected in ${known}`); process.exit(1); }
console.log("as known: optimised, two Bernoulli draws are one");'
