# SPDX-License-Identifier: MIT
"""Writes tensors to a safetensors file whose bytes depend on nothing but its content.

The safetensors package orders metadata by a random hash, hence the small writer here.
"""

import json
from pathlib import Path

import numpy as np
import torch

DTYPES = {"float64": "F64", "float32": "F32", "int64": "I64", "uint8": "U8"}


class Golden:
    """Named tensors and string metadata; `float32` reduces doubles, all else is kept as given."""

    def __init__(self, script: str):
        self.tensors: dict[str, np.ndarray] = {}
        self.metadata = {"script": f"tests/goldens/{script}", "torch": torch.__version__}

    def put(self, name: str, value) -> None:
        """Stores float values as float32 and whole numbers as int64."""
        array = to_numpy(value)
        self.put_exact(name, array.astype(np.float32 if array.dtype.kind == "f" else np.int64))

    def put_exact(self, name: str, value) -> None:
        array = to_numpy(value)
        if name in self.tensors:
            raise ValueError(f"{name} is already there")
        if array.dtype == np.bool_:
            array = array.astype(np.uint8)
        self.tensors[name] = np.array(array, order="C")

    def note(self, key: str, value) -> None:
        self.metadata[key] = value if isinstance(value, str) else json.dumps(value)

    def write(self, path: Path) -> None:
        # Wide types first keeps every tensor aligned without gaps.
        names = sorted(self.tensors, key=lambda n: (-self.tensors[n].itemsize, n))
        header: dict = {"__metadata__": dict(sorted(self.metadata.items()))}
        offset = 0
        for name in names:
            a = self.tensors[name]
            header[name] = {"dtype": DTYPES[a.dtype.name], "shape": list(a.shape),
                            "data_offsets": [offset, offset + a.nbytes]}
            offset += a.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for name in names:
                file.write(self.tensors[name].tobytes())


def to_numpy(value) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def rounded_normal(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Normal values that float32 holds exactly, as float64: both precisions start from the same."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32).astype(np.float64))


def closed_form(module: torch.nn.Module, bend: float = 0) -> None:
    """Fills every parameter by a formula, so that a full-size net needs no stored weights.

    Element i of the parameter named n, with h = len(n), in double precision rounded to float32:
    weights 0.1 / sqrt(fan_in) * cos(0.37 i + h), normalisation weights 1 + 0.1 * cos(0.37 i + h),
    biases 0.01 * cos(0.37 i + h).
    """
    # `bend` adds bend i^2 to the phase: without it every layer's filters span two dimensions, and a deep
    # net's sums cancel until float32 is not enough.
    for name, p in module.named_parameters():
        i = np.arange(p.numel(), dtype=np.float64)
        wave = np.cos(0.37 * i + bend * i * i + len(name))
        if name.endswith("bias"):
            value = 0.01 * wave
        elif p.dim() == 1:
            value = 1 + 0.1 * wave
        else:
            value = 0.1 / np.sqrt(p[0].numel()) * wave
        p.data = torch.from_numpy(value.astype(np.float32)).to(p.dtype).reshape(p.shape)


def deviation(reference: dict, other: dict) -> dict[str, float]:
    """Largest |difference| within each group of tensors over the group's largest |value|.

    The group of "a.grad.head.bias" is "a.grad". Goldens are computed in float64; this is how far
    PyTorch's own float32 falls from them, the scale for a test's tolerance (one digit).
    """
    gaps: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for name, want in reference.items():
        if want.dtype.kind == "f":
            group = ".".join(name.split(".")[:2])
            gap = np.nanmax(np.abs(want.astype(np.float64) - other[name]))
            gaps[group] = max(gaps.get(group, 0.0), gap)
            sizes[group] = max(sizes.get(group, 1e-30), np.nanmax(np.abs(want)))
    return {g: float(f"{gaps[g] / sizes[g]:.0e}") for g in gaps}
