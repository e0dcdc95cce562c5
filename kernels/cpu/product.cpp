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

template <class T>
size_t strict_product_workspace(const Gemm<T>& g) {
  return gemm_workspace(g, {});
}

template <class T>
void strict_product(const Gemm<T>& g, void* workspace, size_t bytes) {
  if (by_onednn(g, {})) return;
  gemm(g, {.workspace = workspace, .workspace_bytes = bytes});
}

template void product(Cpu&, const Gemm<float>&);
template void product(Cpu&, const Gemm<double>&);
template void strict_product(const Gemm<float>&, void*, size_t);
template void strict_product(const Gemm<double>&, void*, size_t);
template size_t strict_product_workspace(const Gemm<float>&);
template size_t strict_product_workspace(const Gemm<double>&);

}  // namespace mellow::cpu
