// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/product.h"

#include "mellow/kernels/cpu/onednn.h"
#include "mellow/kernels/cpu/scratch.h"

namespace mellow::cpu {
namespace {

bool by_onednn(const Gemm<float>& g, const KernelOptions& options) {
  return options.precision == Precision::fp32 && onednn_sgemm(g, options.threads);
}
bool by_onednn(const Gemm<double>&, const KernelOptions&) { return false; }

// Needs no memory, so it is what remains when the library could not get any.
void plain_product(const Gemm<float>& g) {
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j) {
      float sum = g.accumulate ? g.c[i * g.ldc + j] : 0;
      for (int64_t l = 0; l < g.k; ++l)
        sum +=
            g.a[g.trans_a ? l * g.lda + i : i * g.lda + l] * g.b[g.trans_b ? j * g.ldb + l : l * g.ldb + j];
      g.c[i * g.ldc + j] = sum;
    }
}

}  // namespace

template <class T>
void product(Cpu& cpu, const Gemm<T>& g) {
  KernelOptions options = options_of<T>(cpu);
  if (by_onednn(g, options)) return;
  const Scratch workspace(cpu, gemm_workspace(g, options));
  options.workspace = workspace.data();
  options.workspace_bytes = workspace.bytes();
  gemm(g, options);
}

template <>
size_t strict_product_workspace(const Gemm<float>&) {
  return 0;
}

template <>
size_t strict_product_workspace(const Gemm<double>& g) {
  return gemm_workspace(g, {});
}

template <>
void strict_product(const Gemm<float>& g, void*, size_t) {
  if (!onednn_sgemm(g, 1)) plain_product(g);
}

template <>
void strict_product(const Gemm<double>& g, void* workspace, size_t bytes) {
  gemm(g, {.workspace = workspace, .workspace_bytes = bytes});
}

template void product(Cpu&, const Gemm<float>&);
template void product(Cpu&, const Gemm<double>&);

}  // namespace mellow::cpu
