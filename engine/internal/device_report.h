// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/core/context.h"

namespace mellow::internal {

// kernels/cpu/backend.cpp
DeviceReport describe_cpu();
// kernels/cuda/backend.cpp; one entry that says why when there is no usable GPU
std::vector<DeviceReport> describe_cuda();

}  // namespace mellow::internal
