// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/conv1d_pass.h"

namespace mellow::cuda {

// Own kernels on tensor cores: operands rounded to tf32 or bf16 while they are staged, float32 sums in a
// fixed order, the result in float32.

// True where they take all of the works in one launch: compute capability 8.0, precision tf32 or bf16, one
// group, channels in multiples of 8, rows that begin at multiples of 16 bytes (windows of wider tensors
// included), and for backward data a stride of 1.
bool tensor_core_serves(Cuda& cuda, ConvWorks works);

// One launch for all; tensor_core_serves() must hold.
void conv1d_tensor(Cuda& cuda, ConvWorks works);
void conv1d_tensor_filter(Cuda& cuda, ConvWorks works);  // their backward_filter

}  // namespace mellow::cuda
