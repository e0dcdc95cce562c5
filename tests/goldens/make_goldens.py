# SPDX-License-Identifier: MIT
"""Writes tests/goldens/*.safetensors: python3 tests/goldens/make_goldens.py [OUT_DIR]

Needs torch, numpy, scipy and scikit-learn (CPU is enough, seconds). Same versions, same bytes.
"""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "torch"))

from golden_inception_time import inception_time, inception_time_full
from golden_losses import losses
from golden_lstm_fcn import lstm_fcn
from golden_metrics import metrics_golden
from golden_ops import ops
from golden_optim import optim
from golden_resnets import resnets
from golden_temperature import temperature
from golden_ts2vec import ts2vec

FILES = {
    "inception_time": inception_time,
    "inception_time_full": inception_time_full,
    "resnets": resnets,
    "lstm_fcn": lstm_fcn,
    "ts2vec": ts2vec,
    "ops": ops,
    "optim": optim,
    "metrics": metrics_golden,
    "temperature": temperature,
    "losses": losses,
}


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name, make in FILES.items():
        path = out / f"{name}.safetensors"
        golden = make()
        golden.write(path)
        print(f"{path.name:32} {len(golden.tensors):5} tensors {path.stat().st_size:8} bytes")


if __name__ == "__main__":
    main()
