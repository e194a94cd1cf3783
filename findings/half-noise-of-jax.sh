#!/usr/bin/env bash
# Guess: jax.random.normal(key, shape, bfloat16) or float16 is float32's noise of that key, rounded, with tails as far as the type reaches.
# Happens: it is other noise, of 128 different values in bfloat16 (1024 in float16), where rounding float32's would give thousands: from -2.89 to 2.52 (-3.49 to 3.18), never 0, with a mean of -.011 (-.0015), however much is drawn.
# Version: jax 0.10.0 (CPU); source: one uniform number of as many bits as the type's mantissa stores, 7 or 10, goes through erf_inv (_normal_real and _uniform in jax/_src/random.py).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 jax==0.10.0 jaxlib==0.10.0

cat > run.py <<'PY'
import sys
import jax
import jax.numpy as jnp
import numpy as np

N = 2_000_000
wide = lambda a: np.asarray(a.astype(jnp.float32), np.float64)
print('jax', jax.__version__)
seen = {}
for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
    key = jax.random.key(0)
    x = wide(jax.random.normal(key, (N,), dtype))
    rounded = wide(jax.random.normal(key, (N,), jnp.float32).astype(dtype))
    seen[dtype.__name__] = x
    print(f'{dtype.__name__:9} {len(np.unique(x)):7} different values, {x.min():.3f} to {x.max():.3f}, mean {x.mean():+.5f}, '
          f'zeros {int((x == 0).sum())}, correlation with the rounded float32 noise {np.corrcoef(x, rounded)[0, 1]:+.3f}')
    print(f'{"":9} beyond 3: {(np.abs(x) > 3).mean():.5f}; float32 noise rounded to it has {len(np.unique(rounded))} different values')
b, h = seen['bfloat16'], seen['float16']
known = (len(np.unique(b)) == 128 and len(np.unique(h)) == 1024 and not (b == 0).any()
         and b.min() < -2.8 and b.max() < 2.6 and h.min() < -3.4 and h.max() < 3.2 and -.014 < b.mean() < -.008)
if not known:
    sys.exit('CHANGED: expected 128 and 1024 different values, lopsided')
print('as known: half-precision noise is coarse and lopsided')
PY
env/bin/python run.py
