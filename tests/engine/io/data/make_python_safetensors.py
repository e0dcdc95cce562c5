# SPDX-License-Identifier: MIT
# Writes python.safetensors with the reference implementation (pip: safetensors, numpy).
import pathlib

import numpy
from safetensors.numpy import save_file

arrays = {
    "weight": numpy.array([[0.5, -1.0, 2.0], [1e-3, 0.0, 3.25]], numpy.float32),
    "steps": numpy.array(1234567890123, numpy.int64),
    "mean": numpy.array([0.1, 0.2], numpy.float64),
    "labels": numpy.array([3, -1, 2], numpy.int32),
    "mask": numpy.array([1, 0, 1, 1, 0], numpy.uint8),
    "empty": numpy.zeros((0, 4), numpy.float32),
    "größe": numpy.array([7.0], numpy.float32),
}
save_file(arrays, pathlib.Path(__file__).with_name("python.safetensors"), metadata={"format": "np", "names": "a\n\"b\""})
