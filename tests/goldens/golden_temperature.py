# SPDX-License-Identifier: MIT
"""Temperatures fitted to random validation logits, by SciPy in float64."""

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import log_softmax, softmax

from golden_file import Golden

CASES = 200
BOUNDS = [(0.05, 20.0), (0.8, 3.0)]  # the default, and the code of the instance-based smoothing paper


def nll(t: float, z: np.ndarray, y: np.ndarray) -> float:
    return float(-log_softmax(z / t, axis=1)[np.arange(len(y)), y].mean())


def slope(log_t: float, z: np.ndarray, y: np.ndarray) -> float:
    """Derivative of the NLL with respect to 1/T: positive where T is too low."""
    p = softmax(z * np.exp(-log_t), axis=1)
    return float(((p * z).sum(axis=1) - z[np.arange(len(y)), y]).mean())


def fitted(z: np.ndarray, y: np.ndarray, low: float, high: float) -> float:
    """The root of the slope, which L-BFGS-B (as in the paper's code) must confirm to its own precision."""
    if slope(np.log(low), z, y) <= 0:
        t = low
    elif slope(np.log(high), z, y) >= 0:
        t = high
    else:
        t = np.exp(brentq(slope, np.log(low), np.log(high), args=(z, y), xtol=1e-14, rtol=1e-14))
    found = minimize(lambda v: nll(v[0], z, y), [1.0], method="L-BFGS-B", bounds=[(low, high)])
    assert nll(t, z, y) <= found.fun + 1e-12, (t, found.x)
    return float(t)


def validation_set(rng: np.random.Generator, case: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 holds, from far too shy to far too sure; every tenth set is separable or shuffled."""
    n, classes = int(rng.integers(2, 40)), int(rng.integers(2, 10))
    true = rng.standard_normal((n, classes))
    y = np.array([rng.choice(classes, p=softmax(row)) for row in true])
    z = (true * rng.choice([0.03, 0.3, 1, 3, 30])).astype(np.float32).astype(np.float64)
    if case % 10 == 8:
        y = z.argmax(axis=1)
    if case % 10 == 9:
        y = z.argmin(axis=1)
    return z, y


def temperature() -> Golden:
    golden = Golden("golden_temperature.py")
    rng = np.random.default_rng(900)
    cases = [validation_set(rng, i) for i in range(CASES)]
    golden.put("n", [len(y) for _, y in cases])
    golden.put("k", [z.shape[1] for z, _ in cases])
    golden.put("logits", np.concatenate([z.ravel() for z, _ in cases]))
    golden.put("labels", np.concatenate([y for _, y in cases]))
    golden.put_exact("bounds", np.array(BOUNDS))
    golden.put_exact("temperature", np.array([[fitted(z, y, *b) for b in BOUNDS] for z, y in cases]))
    golden.note("layout", "sets one after another; temperature[i, j] belongs to set i within bounds[j]")
    return golden
