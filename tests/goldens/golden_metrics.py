# SPDX-License-Identifier: MIT
"""Metrics of random predictions, by numpy and scikit-learn in float64."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from golden_file import Golden

CASES, BINS = 40, 15
EDGES = np.arange(1, BINS + 1) / BINS  # upper edges; bin n is (edge n-1, edge n], the first holds 0


def bins_of(confidence: np.ndarray) -> np.ndarray:
    return np.searchsorted(EDGES, confidence, side="left").clip(0, BINS - 1)


def calibration_gap(confidence: np.ndarray, hit: np.ndarray) -> float:
    """Sum over bins of |sum of (hit - confidence)|, over the number of samples."""
    sums = np.bincount(bins_of(confidence), weights=hit - confidence, minlength=BINS)
    return float(np.abs(sums).sum() / len(hit))


def ece(p: np.ndarray, y: np.ndarray) -> float:
    return calibration_gap(p.max(axis=1), (p.argmax(axis=1) == y).astype(float))


def metrics(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """p (n, K) float64, y (n,). argmax takes the lowest index of a tie."""
    classes = p.shape[1]
    of_true = p[np.arange(len(y)), y]
    predicted = p.argmax(axis=1)
    return {
        "accuracy": accuracy_score(y, predicted),
        "nll": float(-np.log(of_true.clip(1e-15, 1 - 1e-15)).mean()),
        "brier": float(((p - np.eye(classes)[y]) ** 2).sum(axis=1).mean()),
        "ece": ece(p, y),
        "cwece": float(np.mean([calibration_gap(p[:, j], (y == j).astype(float)) for j in range(classes)])),
        "cwece_cc": float(np.mean([ece(p[y == j], y[y == j]) for j in np.unique(y)])),
        "macro_f1": float(f1_score(y, predicted, average="macro", zero_division=0)),
    }


def predictions(rng: np.random.Generator, case: int) -> tuple[np.ndarray, np.ndarray]:
    """Softmax rows from flat to saturated; every fourth case holds ties, exact edges, zeros and ones."""
    n, classes = int(rng.integers(1, 60)), int(rng.integers(2, 12))
    logits = rng.standard_normal((n, classes)) * rng.choice([0.1, 1, 4, 20])
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    if case % 4 == 3:
        for row in p[::2]:
            row[:] = 0
            row[:2] = rng.choice([0.5, 0.0, 0.2, 1 / 3, 2 / 3])
            row[1] = 1 - row[0]
    return p, rng.integers(0, classes, n)


def metrics_golden() -> Golden:
    golden = Golden("golden_metrics.py")
    rng = np.random.default_rng(600)
    cases = [predictions(rng, i) for i in range(CASES)]
    golden.put("n", [len(y) for _, y in cases])
    golden.put("k", [p.shape[1] for p, _ in cases])
    golden.put_exact("probabilities", np.concatenate([p.ravel() for p, _ in cases]))
    golden.put("labels", np.concatenate([y for _, y in cases]))
    rows = [metrics(p, y) for p, y in cases]
    for name in rows[0]:
        golden.put_exact(name, np.array([row[name] for row in rows]))
    golden.note("layout", "cases one after another; case i has n[i] labels and n[i] * k[i] probabilities")
    golden.note("bins", "15, right-closed, edges n/15 in float64")
    golden.note("cwece_cc", "mean of the top-1 ECE over the true classes that occur")
    golden.note("macro_f1", "mean over the classes that occur as label or prediction; 0/0 counts 0")
    return golden
