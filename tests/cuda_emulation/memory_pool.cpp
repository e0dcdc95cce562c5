// SPDX-License-Identifier: MIT
// Stands in for engine/core/memory_pool.cpp: every block is an allocation of its own, on the device of its
// exact size, so that AddressSanitizer sees a kernel leave it. What was released goes back to the system with
// the next request, as the real pool does when memory runs out: work of a replayed graph on memory that the
// graph does not hold is seen, too.
#include "mellow/engine/core/memory_pool.h"

#include <algorithm>

#include "mellow/engine/core/error.h"

namespace mellow {

MemoryPool::MemoryPool(System system, size_t limit, Fit fit)
    : system_(std::move(system)), limit_(limit), fit_(fit) {}

MemoryPool::~MemoryPool() { trim_locked(); }

size_t MemoryPool::size_class(size_t bytes) { return std::max<size_t>(1, bytes); }
size_t MemoryPool::cut_size(size_t bytes) { return std::max<size_t>(1, (bytes + 63) / 64) * 64; }
size_t MemoryPool::rounded(size_t bytes) const {
  return fit_ == Fit::cut ? cut_size(bytes) : size_class(bytes);
}

void* MemoryPool::allocate(size_t bytes) {
  const size_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  trim_locked();
  void* block = limit_ != 0 && use_.in_use + size > limit_ ? nullptr : system_.allocate(size);
  if (block == nullptr)
    throw Error(text("[memory] out of memory: ", size, " bytes needed"), ErrorKind::out_of_memory);
  use_.in_use += size;
  if (use_.in_use > use_.peak) ++use_.system_allocations;  // before, what was released would have served
  use_.peak = std::max(use_.peak, use_.in_use);
  return block;
}

void MemoryPool::release(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  const size_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  use_.in_use -= size;
  waiting_[size].push_back(block);
}

void MemoryPool::trim() {
  const std::lock_guard lock(mutex_);
  trim_locked();
}

void MemoryPool::trim_locked() {
  for (auto& [size, blocks] : waiting_)
    for (void* block : blocks) system_.release(block);
  waiting_.clear();
}

MemoryUse MemoryPool::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

}  // namespace mellow
