// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/kernel_options.h"

#include <cstdint>

#include "mellow/engine/core/error.h"

namespace mellow::cpu {

void check_options(const KernelOptions& options, bool is_float, const char* kernel) {
  MELLOW_CHECK(options.threads >= 1, "[", kernel, "] threads is ", options.threads, ", it must be at least 1");
  MELLOW_CHECK(is_float || options.precision == Precision::fp32, "[", kernel,
               "] bf16 products exist for float only; ask for Precision::fp32 with double");
  if (!has_isa(options.isa))
    throw Error(text("[", kernel, "] this machine cannot run ", name_of(options.isa), "; use best_isa()"),
                ErrorKind::unsupported);
}

void check_workspace(const KernelOptions& options, size_t needed, const char* kernel) {
  if (needed == 0) return;
  MELLOW_CHECK(options.workspace && reinterpret_cast<uintptr_t>(options.workspace) % 64 == 0, "[", kernel,
               "] the workspace must be aligned to 64 bytes");
  MELLOW_CHECK(options.workspace_bytes >= needed, "[", kernel, "] the workspace has ", options.workspace_bytes,
               " bytes, ", needed, " are needed");
}

}  // namespace mellow::cpu
