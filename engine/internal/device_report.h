// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/core/context.h"

namespace mellow::internal {

DeviceReport describe_cpu();  // kernels/cpu/backend.cpp
std::vector<DeviceReport>
describe_cuda();  // kernels/cuda/backend.cpp; one entry that says why when there is none

}  // namespace mellow::internal
