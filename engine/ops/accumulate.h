// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

namespace mellow {

// sum += x, elementwise, same shape; either may be a window with strided rows (last dimension dense).
void accumulate(Cpu& cpu, const Tensor& sum, const Tensor& x);
void accumulate(Cuda& cuda, const Tensor& sum, const Tensor& x);

// sums [channels] := Σ over all rows of x […, channels], or += with `add`; rows evenly spaced.
void column_sums(Cpu& cpu, const Tensor& x, const Tensor& sums, bool add);
void column_sums(Cuda& cuda, const Tensor& x, const Tensor& sums, bool add);

// Every element := value; contiguous.
void fill(Cpu& cpu, const Tensor& x, double value);
void fill(Cuda& cuda, const Tensor& x, double value);

}  // namespace mellow
