// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/block_kernels.h"

namespace mellow::cpu {

// The discrete Fourier transform of real series, for windows of many taps. Channels c and c + 16 are the real
// and imaginary part of one complex series; as many of these as a vector has lanes are transformed at a time.
// Its points are the bins 0 … size / 2. Any sliding product whose steps do not meet again when they wrap
// around `size` comes out right. Size is 2^a 3^b 5^c; a transform is made once for each set of kernels and
// kept for the life of the program. Thread-safe.
const BlockTransform& fourier_transform(int64_t size, const BlockKernels& kernels);
bool has_fourier_transform(int64_t size);

}  // namespace mellow::cpu
