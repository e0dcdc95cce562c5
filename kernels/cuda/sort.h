// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/engine/core/backend.h"

namespace mellow::cuda {

// sorted := values in the ascending order of their keys, equal keys in the order they came; all [n] on the
// device. Overwrites the keys.
void sort_by_key(Cuda& cuda, uint64_t* keys, const int32_t* values, int32_t* sorted, int64_t n);

}  // namespace mellow::cuda
