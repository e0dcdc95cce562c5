// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "mellow/engine/core/backend.h"
#include "mellow/kernels/cpu/gemm.h"

// The matrix product as ops call it: the faster of two implementations, workspace from the pool.
namespace mellow::cpu {

// Threads and precision of a context, as kernels take them. double is always computed as it is, and bf16x3
// as fp32, which is faster, where there is no AMX.
template <class T>
KernelOptions options_of(const Cpu& cpu) {
  KernelOptions options{.threads = cpu.threads()};
  if (std::is_same_v<T, float> && cpu.precision() == mellow::Precision::bf16)
    options.precision = Precision::bf16;
  if (std::is_same_v<T, float> && cpu.precision() == mellow::Precision::bf16x3 && options.isa == Isa::amx)
    options.precision = Precision::bf16x3;
  return options;
}

// At the context's precision, on its threads.
template <class T>
void product(Cpu& cpu, const Gemm<T>& gemm);

// For calls from one part of a parallel region, where nothing may throw: one product (no batch), one thread,
// full precision. `workspace` has at least strict_product_workspace() bytes for the same sizes, aligned to 64
// bytes.
template <class T>
void strict_product(const Gemm<T>& gemm, void* workspace, size_t bytes);
template <class T>
size_t strict_product_workspace(const Gemm<T>& gemm);

}  // namespace mellow::cpu
