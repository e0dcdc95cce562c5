// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "mellow/engine/core/error.h"
#include "mellow/engine/internal/device_report.h"
#include "mellow/kernels/cpu/cpu_features.h"

namespace mellow {
namespace {

constexpr size_t alignment = 64;  // one cache line, one AVX-512 register

// AddressSanitizer sees an access beside a block, but not one beside a part of a segment.
#ifdef __SANITIZE_ADDRESS__
constexpr auto fit = MemoryPool::Fit::same_class;
#else
constexpr auto fit = MemoryPool::Fit::cut;
#endif

// Large requests ask for huge pages: their first touch costs a fraction, and a page table of few entries
// covers them. Where the system has none to give, nothing changes.
void* system_memory(size_t bytes) {
#if defined(__linux__)
  constexpr size_t huge_page = size_t{2} << 20;
  if (bytes >= huge_page) {
    const size_t rounded = (bytes + huge_page - 1) / huge_page * huge_page;
    void* memory = std::aligned_alloc(huge_page, rounded);
    if (memory != nullptr) madvise(memory, rounded, MADV_HUGEPAGE);
    return memory;
  }
#endif
  return std::aligned_alloc(alignment, bytes);
}

}  // namespace

Cpu::Cpu(const Options& options)
    : options_(options), pool_({system_memory, [](void* p) { std::free(p); }}, options.memory_limit, fit) {}

Cpu::~Cpu() = default;

void* Cpu::allocate(size_t bytes) {
  void* block = pool_.allocate(bytes);
  if (options_.poison) std::memset(block, 0xFF, bytes);  // every float format reads this as NaN
  return block;
}

void Cpu::release(void* block, size_t bytes) noexcept { pool_.release(block, bytes); }
void Cpu::copy_in(void* to, const void* host, size_t bytes) { copy(to, host, bytes); }
void Cpu::copy_out(void* host, const void* from, size_t bytes) { copy(host, from, bytes); }
void Cpu::copy(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}
void Cpu::zero(void* to, size_t bytes) {
  if (bytes != 0) std::memset(to, 0, bytes);
}
MemoryUse Cpu::memory() const { return pool_.use(); }

namespace internal {

DeviceReport describe_cpu() {
  std::string sets;
  for (const auto isa : cpu::all_isas)
    if (cpu::has_isa(isa)) sets += text(sets.empty() ? "" : ", ", cpu::name_of(isa));
  const auto best = cpu::best_isa();
  const std::string rounded =
      best >= cpu::Isa::avx512_bf16
          ? ""
          : "rounded operands multiplied in fp32, for want of AMX or AVX512-BF16: the "
            "numbers of bf16, no faster than fp32";
  return {Device::cpu,
          true,
          text("instruction sets ", sets, "; kernels use ", cpu::name_of(best)),
          {{Precision::fp32, true, ""},
           {Precision::tf32, false, "exists on CUDA only"},
           {Precision::bf16, true, rounded},
           {Precision::bf16x3, true, best >= cpu::Isa::amx ? "" : "computed as fp32 without AMX"}}};
}

}  // namespace internal
}  // namespace mellow
