// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/conv1d_pass.h"

namespace mellow::cuda {

// Who computes a pass: cuDNN, own kernels on tensor cores, own kernels that take every shape.
enum class ConvWay { cudnn, tensor, direct };

// Computes the works one way; false, with nothing done, where that way does not exist for them.
using ConvRunner = bool (*)(Cuda&, ConvWorks, ConvWay);

// The way that the environment variable MELLOW_CONV names (cudnn, tensor, direct; read at a context's first
// convolution, Error on another word). Else cuDNN, unless tensor cores serve the pass too: then the faster of
// the two, measured at the first pass of its kind on the real operands. The last bits of the result depend on
// the choice, so it is kept for all passes of a kind (sizes, with batch and length in powers of two), by all
// contexts of the process, and in the user's cache for later runs on this GPU. While a graph is captured
// nothing is measured: what is not known goes to cuDNN. Of several works tensor cores compute all in one
// launch; `cudnn` stands for each by itself, its own way.
ConvWay way_for(Cuda& cuda, ConvWorks works, ConvRunner run);

}  // namespace mellow::cuda
