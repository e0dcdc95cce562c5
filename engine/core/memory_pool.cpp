// SPDX-License-Identifier: MIT
#include "mellow/engine/core/memory_pool.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "mellow/engine/core/error.h"

namespace mellow {

MemoryPool::MemoryPool(System system, size_t limit) : system_(std::move(system)), limit_(limit) {}

MemoryPool::~MemoryPool() { trim_locked(); }

size_t MemoryPool::size_class(size_t bytes) {
  constexpr size_t small = 256;
  if (bytes <= 4096) return std::max(small, (bytes + small - 1) / small * small);
  if (bytes > std::numeric_limits<size_t>::max() / 2)
    throw Error(text("[memory] a request of ", bytes, " bytes cannot be served"), ErrorKind::out_of_memory);
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

void* MemoryPool::allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  if (auto found = waiting_.find(size); found != waiting_.end() && !found->second.empty()) {
    void* block = found->second.back();
    found->second.pop_back();
    use_.in_use += size;
    use_.peak = std::max(use_.peak, use_.in_use);
    return block;
  }
  if (limit_ != 0 && use_.reserved + size > limit_) trim_locked();
  void* block = limit_ != 0 && use_.reserved + size > limit_ ? nullptr : system_.allocate(size);
  if (block == nullptr) {
    trim_locked();
    block = limit_ != 0 && use_.reserved + size > limit_ ? nullptr : system_.allocate(size);
  }
  if (block == nullptr)
    throw Error(text("[memory] out of memory: ", size, " bytes needed, ", use_.in_use, " in use",
                     limit_ ? text(", limit ", limit_) : "", "; use a smaller batch or another device"),
                ErrorKind::out_of_memory);
  use_.in_use += size;
  use_.reserved += size;
  use_.peak = std::max(use_.peak, use_.in_use);
  ++use_.system_allocations;
  return block;
}

void MemoryPool::release(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  const size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  use_.in_use -= size;
  waiting_[size].push_back(block);
}

void MemoryPool::trim() {
  const std::lock_guard lock(mutex_);
  trim_locked();
}

void MemoryPool::trim_locked() {
  for (auto& [size, blocks] : waiting_) {
    for (void* block : blocks) system_.release(block);
    use_.reserved -= size * blocks.size();
  }
  waiting_.clear();
}

MemoryUse MemoryPool::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

}  // namespace mellow
