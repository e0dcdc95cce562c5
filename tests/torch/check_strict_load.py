# SPDX-License-Identifier: MIT
"""Loads a weight file of mellow into its PyTorch twin with strict=True and compares outputs.

    check_strict_load.py model.safetensors --data NAME_TEST.tsv --predictions predictions.csv
    check_strict_load.py encoder.safetensors --data NAME_TRAIN.tsv --representations FILE.csv

Classifier: metadata model (inception-time..., resnet18, resnet, fcn, lstm-fcn, mlp), in_channels, classes, and by
model filters, norm, depth, kernel, length, cells, lstm, units, layers.
Every series is normalised by its own mean and population deviation; column p_<label> number j of the
predictions is class j. Encoder: metadata model (ts2vec), in_channels, hidden, out, depth and, where the
encoder saw scaled series, input_mean and input_std (one number each). The representations are one row per
series; the `out` last columns count.

Exit code 0: all within 1e-5; 1: not; 2: unusable input; 77: PyTorch is not installed here.
"""

import argparse
import csv
import sys
import warnings

try:
    import torch
    from safetensors import safe_open
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

import numpy as np

from fcn import Fcn
from inception_time import InceptionTime
from lstm_fcn import LstmFcn
from mlp import Mlp
from resnet import ResNet
from resnet18 import ResNet18
from ts2vec import Encoder, encode_full_series

TOLERANCE = 1e-5
BATCH = 64
BY_FILTERS = {"resnet18": ResNet18, "resnet": ResNet, "fcn": Fcn}

warnings.filterwarnings("ignore", message="Using padding='same'")


class BadInput(Exception):
    pass


def read_weights(path: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}


def number(metadata: dict[str, str], key: str) -> int:
    if key not in metadata:
        raise BadInput(f"the file's metadata has no {key}; it has: {', '.join(sorted(metadata))}")
    return int(metadata[key])


def build(metadata: dict[str, str]) -> torch.nn.Module:
    model = metadata.get("model", "")
    if model.startswith("inception-time"):
        sizes = {k: number(metadata, k) for k in ("in_channels", "classes", "depth", "filters", "kernel")}
        return InceptionTime(**sizes, norm=metadata.get("norm", "torch"))
    if model in BY_FILTERS:
        sizes = {k: number(metadata, k) for k in ("in_channels", "classes", "filters")}
        return BY_FILTERS[model](**sizes, norm=metadata.get("norm", "torch"))
    if model == "lstm-fcn":
        sizes = {k: number(metadata, k) for k in ("in_channels", "classes", "length", "filters", "cells")}
        return LstmFcn(**sizes, lstm=metadata.get("lstm", "shuffle"), norm=metadata.get("norm", "torch"))
    if model == "mlp":
        return Mlp(**{k: number(metadata, k) for k in ("in_channels", "classes", "length", "units", "layers")})
    if model == "ts2vec":
        return Encoder(**{k: number(metadata, k) for k in ("in_channels", "hidden", "out", "depth")})
    raise BadInput(f'no twin for model "{model}"; there are inception-time, {", ".join(BY_FILTERS)}, lstm-fcn, mlp and ts2vec')


def read_series(path: str) -> np.ndarray:
    """The values of a UCR .tsv file, label column dropped: (n, length) float64, NaN where missing."""
    return np.loadtxt(path, delimiter="\t", ndmin=2)[:, 1:]


def normalised(x: np.ndarray) -> np.ndarray:
    if np.isnan(x).any():
        raise BadInput("series with missing values: give a file without them")
    deviation = x.std(axis=1, keepdims=True)
    return (x - x.mean(axis=1, keepdims=True)) / np.where(deviation == 0, 1, deviation)


def probabilities(net: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    batches = torch.from_numpy(normalised(x).astype(np.float32)).unsqueeze(1).split(BATCH)
    with torch.no_grad():
        net.eval()
        return torch.cat([net(b).softmax(dim=1) for b in batches]).numpy()


def representations(encoder: torch.nn.Module, x: np.ndarray, metadata: dict[str, str]) -> np.ndarray:
    x = (x - float(metadata.get("input_mean", 0))) / float(metadata.get("input_std", 1))
    batches = torch.from_numpy(x.astype(np.float32)).unsqueeze(2).split(BATCH)
    return torch.cat([encode_full_series(encoder, b) for b in batches]).numpy()


def read_columns(path: str, wanted) -> np.ndarray:
    """The columns i of a CSV file with a header for which wanted(i, name, columns) holds."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = [i for i, name in enumerate(header) if wanted(i, name, len(header))]
    return np.array([[float(row[i]) for i in columns] for row in rows])


def compare(got: np.ndarray, want: np.ndarray, what: str) -> int:
    """`want` is the twin's. Absolute difference; the tolerance grows with values beyond 1."""
    if got.shape != want.shape:
        print(f"FAIL {what}: the file has shape {got.shape}, the twin gives {want.shape}")
        return 1
    worst = float((np.abs(got - want) / np.maximum(1, np.abs(want))).max())
    ok = worst <= TOLERANCE  # false for NaN
    print(f"{'ok' if ok else 'FAIL'} {what}: {got.shape[0]} x {got.shape[1]}, "
          f"largest difference {worst:.2e}, allowed {TOLERANCE:.0e}")
    return 0 if ok else 1


def check(options: argparse.Namespace) -> int:
    weights, metadata = read_weights(options.weights)
    net = build(metadata)
    try:
        net.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        print(f"FAIL strict load: {error}")
        return 1
    print(f"ok strict load: {len(weights)} tensors into {type(net).__name__}")
    x = read_series(options.data)
    encoder = isinstance(net, Encoder)
    if encoder != (options.predictions is None):
        raise BadInput("an encoder is checked with --representations, a classifier with --predictions")
    if encoder:
        width = number(metadata, "out")
        got = read_columns(options.representations, lambda i, _, count: i >= count - width)
        return compare(got, representations(net, x, metadata), "representations")
    got = read_columns(options.predictions, lambda _, name, __: name.startswith("p_"))
    return compare(got, probabilities(net, x), "probabilities")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights")
    parser.add_argument("--data", required=True)
    outputs = parser.add_mutually_exclusive_group(required=True)
    outputs.add_argument("--predictions")
    outputs.add_argument("--representations")
    options = parser.parse_args()
    try:
        return check(options)
    except (BadInput, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
