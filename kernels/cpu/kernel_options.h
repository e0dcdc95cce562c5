// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "mellow/kernels/cpu/cpu_features.h"

namespace mellow::cpu {

// What the operands of a product are rounded to; sums are always fp32.
//   bf16:   nearest bf16, relative error of a product about 4e-3. Where they are faster than the rounded
//           operands in fp32, the processor's bf16 products, which take denormal numbers as zero.
//   bf16x3: relative error at most 1.2e-5 (3 · 2^-18). High and low bf16 parts, three products, on Isa::amx
//           where that is faster than fp32; fp32 elsewhere.
// double knows fp32 (no rounding) only.
enum class Precision { fp32, bf16, bf16x3 };

template <class T>
struct TileKernels;
struct Bf16Kernels;
struct Bf16PairKernels;

// How a kernel runs. The same options and inputs give the same bytes.
struct KernelOptions {
  int threads = 1;  // OpenMP threads of this call at most; small work uses fewer
  Precision precision = Precision::fp32;
  Isa isa = best_isa();  // must satisfy has_isa
  // Null: the units of isa. Tests put others here, to run the shapes of sets their machine lacks (tile.h,
  // bf16_tile.h, bf16_pairs.h).
  const TileKernels<float>* float_tiles = nullptr;
  const Bf16Kernels* bf16_kernels = nullptr;
  const Bf16PairKernels* bf16_pairs = nullptr;
  void* workspace = nullptr;   // aligned to 64 bytes, owned by the caller, contents undefined afterwards
  size_t workspace_bytes = 0;  // at least what the matching *_workspace function says
};

// The options with as many threads as `products` multiply-adds are worth.
KernelOptions with_threads_for(double products, const KernelOptions& options);

// Throw Error, naming the kernel, for options that cannot be run and for a workspace that is missing,
// unaligned or small.
void check_options(const KernelOptions& options, bool is_float, const char* kernel);
void check_workspace(const KernelOptions& options, size_t needed, const char* kernel);

}  // namespace mellow::cpu
