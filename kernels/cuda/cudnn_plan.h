// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "mellow/engine/core/backend.h"
#include "mellow/kernels/cuda/conv1d_pass.h"

// No cuDNN header here: cudnn_plan.cpp alone sees the library.
namespace mellow::cuda {

// How one operand lies: strides in elements, alignment of its address in bytes.
struct ConvLayout {
  int64_t item_stride, step_stride, alignment;
  auto operator<=>(const ConvLayout&) const = default;
};

// All that a plan depends on within one context.
struct ConvKey {
  ConvPass pass;
  ConvSizes sizes;
  ConvLayout x, w, y;
  bool bf16;  // all three operands are bfloat16, else float32; sums are float32 in both
  bool add;
  auto operator<=>(const ConvKey&) const = default;
};

class CudnnPlan;

// The plan for a key, made at the first call and kept: the first of cuDNN's suggestions that is deterministic
// and, in strict fp32, keeps to float32 products. Suggestions are not timed against each other: the choice,
// and with it the result's last bits, would change from run to run. nullptr when there is none.
const CudnnPlan* plan_for(Cuda& cuda, const ConvKey& key);

// The library's, as it numbers itself.
size_t cudnn_version();

// Runs it; the pointers are device addresses as the key describes them.
void run(Cuda& cuda, const CudnnPlan& plan, const void* x, const void* w, const void* y);

}  // namespace mellow::cuda
