#!/usr/bin/env bash
# Guess: an algebraically reversible solver, ReversibleHeun, run from the picture back to the noise, gives the noise again to rounding, whatever its steps.
# Happens: it begins anew with its two states equal, and misses: in ten steps by 1.5 % of the noise, more than twice as much as plain Heun, which nobody calls reversible. It is exact (4e-16) if the state that the way there ended with is asked for (SaveAt(t1=True, solver_state=True)) and handed to the way back (solver_state=..., made_jump=False); of a picture alone there is no such state.
# Version: diffrax 0.7.2, jax 0.10.2; source: init in diffrax/_solver/reversible_heun.py sets yhat to y0 and evaluates the field there.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install -q numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2 equinox==0.13.8 diffrax==0.7.2

cat > run.py <<'PY'
import sys
from importlib.metadata import version
import diffrax
import jax
import jax.numpy as jnp

jax.config.update('jax_enable_x64', True)
NOISE, PICTURE = jnp.pi / 2, 0.05
MEANS, VARIANCE = jnp.array([-1.0, 1.0]), 0.05


def field(angle, x, args):
    """The probability flow of two Gaussians whose denoiser is known, at x = cos(angle) clean + sin(angle) noise."""
    signal, noise = jnp.cos(angle), jnp.sin(angle)
    spread = signal**2 * VARIANCE + noise**2
    off = x[:, None] - signal * MEANS
    weights = jax.nn.softmax(-(off**2) / (2 * spread), axis=1)
    clean = (weights * (MEANS + signal * VARIANCE / spread * off)).sum(1)
    return signal * (x - signal * clean) / noise - noise * clean


def solve(solver, x, start, end, steps, **more):
    return diffrax.diffeqsolve(
        diffrax.ODETerm(field), solver, t0=start, t1=end, dt0=(end - start) / steps, y0=x, max_steps=steps + 5,
        stepsize_controller=diffrax.ConstantStepSize(), saveat=diffrax.SaveAt(t1=True, solver_state=True), **more)


def missed(x, y):
    return float(jnp.sqrt(((x - y) ** 2).mean() / (x**2).mean()))


print('diffrax', version('diffrax'), 'jax', version('jax'))
x = jax.random.normal(jax.random.PRNGKey(0), (1000,))
seen = {}
for steps in (10, 20, 50):
    for solver in (diffrax.ReversibleHeun(), diffrax.Heun()):
        name = type(solver).__name__
        there = solve(solver, x, NOISE, PICTURE, steps)
        seen[name, steps] = missed(x, solve(solver, there.ys[0], PICTURE, NOISE, steps).ys[0])
        print(f'{steps} steps, {name}: back to the noise but for {seen[name, steps]:.2g}')
    handed = solve(diffrax.ReversibleHeun(), x, NOISE, PICTURE, steps)
    back = solve(diffrax.ReversibleHeun(), handed.ys[0], PICTURE, NOISE, steps, solver_state=handed.solver_state, made_jump=False)
    seen['handed', steps] = missed(x, back.ys[0])
    print(f'{steps} steps, ReversibleHeun given the state of the way there: {seen["handed", steps]:.2g}')
known = 0.01 < seen['ReversibleHeun', 10] < 0.02 and seen['ReversibleHeun', 10] > 2 * seen['Heun', 10]
exact = all(value < 1e-13 for (name, _), value in seen.items() if name == 'handed')
if not (known and exact):
    sys.exit('CHANGED: expected 1.5 % in ten steps, more than twice that of Heun, and nothing with the state handed over')
print('as known: not reversed by the picture alone')
PY
env/bin/python run.py
