// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/kernel_options.h"

#include <algorithm>
#include <cstdint>

#include "mellow/engine/core/error.h"

namespace mellow::cpu {

KernelOptions with_threads_for(double products, const KernelOptions& options) {
  constexpr double products_per_thread = 5e5;  // tens of microseconds, a few times the cost of waking a team
  KernelOptions fewer = options;
  fewer.threads = static_cast<int>(std::clamp(products / products_per_thread, 1.0, double(options.threads)));
  return fewer;
}

void check_options(const KernelOptions& options, bool is_float, const char* kernel) {
  MELLOW_CHECK(options.threads >= 1, "[", kernel, "] threads is ", options.threads,
               ", it must be at least 1");
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
  MELLOW_CHECK(options.workspace_bytes >= needed, "[", kernel, "] the workspace has ",
               options.workspace_bytes, " bytes, ", needed, " are needed");
}

}  // namespace mellow::cpu
