# SPDX-License-Identifier: MIT
"""Metrics of random predictions and point clouds, by numpy, scipy and scikit-learn in float64."""

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import (accuracy_score, confusion_matrix, f1_score, pairwise_distances,
                             silhouette_score)

from golden_file import Golden

CASES, BINS = 200, 15
EDGES = np.arange(1, BINS + 1) / BINS  # upper edges; bin n is (edge n-1, edge n], the first holds 0


def bins_of(confidence: np.ndarray) -> np.ndarray:
    return np.searchsorted(EDGES, confidence, side="left").clip(0, BINS - 1)


def calibration_gap(confidence: np.ndarray, hit: np.ndarray) -> float:
    """Sum over bins of |sum of (hit - confidence)|, over the number of samples."""
    sums = np.bincount(bins_of(confidence), weights=hit - confidence, minlength=BINS)
    return float(np.abs(sums).sum() / len(hit))


def ece(p: np.ndarray, y: np.ndarray) -> float:
    return calibration_gap(p.max(axis=1), (p.argmax(axis=1) == y).astype(float))


def reliability(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(bins, 3): number, mean confidence and accuracy of the samples of each bin, zeros when empty."""
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == y
    rows = np.zeros((BINS, 3))
    for n in np.unique(bins_of(confidence)):
        inside = bins_of(confidence) == n
        rows[n] = inside.sum(), confidence[inside].mean(), hit[inside].mean()
    return rows


def instability(p: np.ndarray, y: np.ndarray) -> float:
    """Shen et al. 2021: mean over classes of the mean squared distance to the class's mean vector."""
    return float(np.mean([p[y == j].var(axis=0).sum() for j in np.unique(y)]))


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
        "per_class_error": float((predicted != y).mean() / classes),
        "instability": instability(p, y),
    }


def whole_weights(rng: np.random.Generator, n: int, classes: int) -> np.ndarray:
    """Small whole numbers; a row's probabilities are its numbers over their sum, the same in every language."""
    w = rng.integers(0, 256, (n, classes)) if rng.random() < 0.7 else rng.integers(0, 3, (n, classes))
    w[w.sum(axis=1) == 0, 0] = 1  # with the zeros of the others: p = 1 and p = 0
    if rng.random() < 0.3:  # sums of 15, 30, 60: probabilities on the edges of the bins
        w[::2] = rng.multinomial(rng.choice([15, 30, 60]), np.ones(classes) / classes, len(w[::2]))
    return w


def predictions(rng: np.random.Generator, case: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Weights, the power they are raised to (1 flat, 3 sure) and labels, in part of the classes only."""
    classes = int(rng.integers(2, 61 if case % 5 == 0 else 11))
    n = 1 if case % 20 == 7 else int(rng.integers(1, 60))
    present = rng.choice(classes, int(rng.integers(1, classes + 1)), replace=False)
    weights, power = whole_weights(rng, n, classes), int(rng.choice([1, 3]))
    y = rng.choice(present, n)
    return weights, power, np.where(rng.random(n) < 0.4, weights.argmax(axis=1), y)


def probabilities(weights: np.ndarray, power: int) -> np.ndarray:
    raised = weights.astype(np.int64) ** power
    return raised / raised.sum(axis=1, keepdims=True)


def point_cloud(rng: np.random.Generator, case: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes from apart to mixed, with twins and samples alone in their class."""
    n, dims = int(rng.integers(3, 40)), int(rng.integers(1, 9))
    classes = int(rng.integers(2, n))
    y = rng.permutation(np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)]))
    x = rng.standard_normal((n, dims)) + rng.choice([0, 1, 10]) * rng.standard_normal((classes, dims))[y]
    if case % 5 == 0:
        x[1] = x[0]
    return x.astype(np.float32).astype(np.float64), y


def separation(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    distance, same = pairwise_distances(x), y[:, None] == y[None, :]
    pair = ~np.eye(len(y), dtype=bool)
    intra, inter = distance[same & pair].mean(), distance[~same].mean()
    return {"intra": float(intra), "inter": float(inter), "ratio": float(intra / inter),
            "silhouette": float(silhouette_score(x, y))}


def put_predictions(golden: Golden) -> None:
    rng = np.random.default_rng(600)
    cases = [predictions(rng, i) for i in range(CASES)]
    golden.put("n", [len(y) for *_, y in cases])
    golden.put("k", [w.shape[1] for w, *_ in cases])
    golden.put("power", [power for _, power, _ in cases])
    golden.put_exact("weights", np.concatenate([w.ravel() for w, *_ in cases]).astype(np.uint8))
    golden.put_exact("labels", np.concatenate([y for *_, y in cases]).astype(np.uint8))
    scored = [(probabilities(w, power), y) for w, power, y in cases]
    rows = [metrics(p, y) for p, y in scored]
    for name in rows[0]:
        golden.put_exact(name, np.array([row[name] for row in rows]))
    golden.put_exact("reliability", np.array([reliability(p, y) for p, y in scored]))
    golden.put_exact("confusion", np.concatenate([
        confusion_matrix(y, p.argmax(axis=1), labels=range(p.shape[1])).ravel() for p, y in scored
    ]).astype(np.uint8))


def put_point_clouds(golden: Golden) -> None:
    rng = np.random.default_rng(601)
    clouds = [point_cloud(rng, i) for i in range(CASES)]
    golden.put("cloud.n", [len(y) for _, y in clouds])
    golden.put("cloud.dims", [x.shape[1] for x, _ in clouds])
    golden.put("cloud.x", np.concatenate([x.ravel() for x, _ in clouds]))
    golden.put_exact("cloud.labels", np.concatenate([y for _, y in clouds]).astype(np.uint8))
    rows = [separation(x, y) for x, y in clouds]
    for name in rows[0]:
        golden.put_exact(f"cloud.{name}", np.array([row[name] for row in rows]))


def put_ranks(golden: Golden) -> None:
    """Whole scores with many ties: [tables, datasets, methods]."""
    scores = np.random.default_rng(602).integers(0, 6, (CASES, 7, 5))
    golden.put_exact("ranks.scores", scores.astype(np.uint8))
    golden.put_exact("ranks.average", rankdata(-scores, axis=2, method="average").mean(axis=1))


def metrics_golden() -> Golden:
    golden = Golden("golden_metrics.py")
    put_predictions(golden)
    put_point_clouds(golden)
    put_ranks(golden)
    golden.note("layout", "cases one after another; case i has n[i] labels and rows of k[i] weights; "
                          "p = weight^power / the row's sum of them")
    golden.note("bins", "15, right-closed, edges n/15 in float64")
    golden.note("cwece_cc", "mean of the top-1 ECE over the true classes that occur")
    golden.note("macro_f1", "mean over the classes that occur as label or prediction; 0/0 counts 0")
    return golden
