// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cstring>

#include "mellow/engine/core/error.h"
#include "mellow/engine/internal/device_report.h"

namespace mellow {
namespace {

constexpr size_t alignment = 64;  // one cache line, one AVX-512 register

}  // namespace

Cpu::Cpu(const Options& options)
    : options_(options),
      pool_(
          {[](size_t bytes) { return std::aligned_alloc(alignment, bytes); }, [](void* p) { std::free(p); }},
          options.memory_limit) {}

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

DeviceReport describe_cpu() { return {Device::cpu, true, "CPU"}; }

}  // namespace internal
}  // namespace mellow
