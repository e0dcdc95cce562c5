# SPDX-License-Identifier: MIT
"""TS2Vec: three training steps of small encoders, and a full-size encoding."""

import numpy as np
import torch

from golden_file import Golden, closed_form, deviation, rounded_normal
from ts2vec import (Encoder, RunningMean, draw_crop, encode_full_series, hierarchical_contrast,
                    two_views)

BATCH, LENGTH, STEPS = 4, 33, 3
CASES = {"a": {"in_channels": 1, "missing": False}, "b": {"in_channels": 2, "missing": True}}
MISSING = [(0, 0, 0), (0, 1, 1), (1, 16, 0), (1, 17, 0), (1, 17, 1), (3, 32, 1)]  # (row, step, channel)


def series(rng: np.random.Generator, in_channels: int, missing: bool) -> torch.Tensor:
    x = rounded_normal(rng, BATCH, LENGTH, in_channels)
    for place in MISSING if missing else []:
        x[place] = torch.nan
    return x


def long_crop(rng: np.random.Generator):
    """A crop with context on both sides and at least four time scales: no part goes untested."""
    while True:
        crop = draw_crop(rng, LENGTH, BATCH)
        if 9 <= crop.length <= 25 and crop.eleft < crop.left and crop.right < crop.eright:
            return crop


def draw_mask(rng: np.random.Generator, length: int) -> torch.Tensor:
    return torch.from_numpy(rng.random((BATCH, length)) < 0.5)


def train_into(golden: Golden, prefix: str, encoder: Encoder, x: torch.Tensor,
               rng: np.random.Generator) -> RunningMean:
    adam, swa = torch.optim.AdamW(encoder.parameters(), 1e-3, weight_decay=0.01), RunningMean(encoder)
    for step in range(STEPS):
        crop = long_crop(rng)
        mask1 = draw_mask(rng, crop.right - crop.eleft)
        mask2 = draw_mask(rng, crop.eright - crop.left)
        encoder.zero_grad()
        out1, out2 = two_views(encoder, x, crop, mask1, mask2)
        loss = hierarchical_contrast(out1, out2)
        loss.backward()
        at = f"{prefix}.step{step}"
        golden.put(f"{at}.crop", [crop.length, crop.left, crop.right, crop.eleft, crop.eright])
        golden.put(f"{at}.offsets", crop.offsets)
        golden.put_exact(f"{at}.mask1", mask1)
        golden.put_exact(f"{at}.mask2", mask2)
        golden.put(f"{at}.loss", loss)
        if step == 0:
            golden.put(f"{prefix}.out1", out1)
            golden.put(f"{prefix}.out2", out2)
            for name, p in encoder.named_parameters():
                golden.put(f"{prefix}.grad.{name}", p.grad)
        adam.step()
        swa.update(encoder)
    return swa


def small_into(golden: Golden, prefix: str, dtype: torch.dtype, in_channels: int, missing: bool) -> None:
    rng = np.random.default_rng(200 + in_channels)
    torch.manual_seed(in_channels)
    encoder = Encoder(in_channels, hidden=8, out=12, depth=3, dropout=0.0).to(dtype)
    x = series(rng, in_channels, missing).to(dtype)
    golden.put(f"{prefix}.x", x)
    for name, p in encoder.named_parameters():
        golden.put(f"{prefix}.init.{name}", p)
    golden.put(f"{prefix}.encode_init", encode_full_series(encoder, x))
    encoder.train()
    swa = train_into(golden, prefix, encoder, x, rng)
    for name, p in encoder.named_parameters():
        golden.put(f"{prefix}.final.{name}", p)
    for name, value in swa.values.items():
        golden.put(f"{prefix}.swa.{name}", value)
    encoder.load_state_dict(swa.values)
    golden.put(f"{prefix}.encode_swa", encode_full_series(encoder, x))


def full_into(golden: Golden, dtype: torch.dtype) -> None:
    encoder = Encoder(1).double()
    closed_form(encoder)
    x = rounded_normal(np.random.default_rng(300), 2, 50, 1)
    golden.put("full.x", x)
    golden.put("full.encode", encode_full_series(encoder.to(dtype), x.to(dtype)))


def fill(golden: Golden, dtype: torch.dtype) -> None:
    for prefix, options in CASES.items():
        small_into(golden, prefix, dtype, **options)
    full_into(golden, dtype)


def ts2vec() -> Golden:
    golden, single = Golden("golden_ts2vec.py"), Golden("golden_ts2vec.py")
    fill(golden, torch.float64)
    fill(single, torch.float32)
    golden.note("float32_deviation", deviation(golden.tensors, single.tensors))
    golden.note("options", "a, b: hidden 8, out 12, depth 3, dropout 0; full: 64, 320, 10")
    golden.note("crop", "length, left, right, eleft, eright; offsets one per series; masks 1 = keep")
    golden.note("training", "AdamW lr 1e-3, weight decay 0.01; swa = mean of init and each step's weights")
    golden.note("full.weights", " ".join(closed_form.__doc__.split()))
    return golden
