// SPDX-License-Identifier: MIT
#include "mellow/engine/core/memory_pool.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "mellow/engine/core/error.h"

namespace mellow {
namespace {

// Whether one more block of the size would leave more waiting than half of the peak.
bool piles_up(const MemoryUse& use, size_t size) {
  const size_t most = std::max(use.peak, use.in_use + size);
  return use.reserved + size > most + most / 2;
}

}  // namespace

MemoryPool::MemoryPool(System system, size_t limit, Fit fit)
    : system_(std::move(system)), limit_(limit), fit_(fit) {}

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
  if (void* block = waiting_block(size)) {
    use_.in_use += size;
    use_.peak = std::max(use_.peak, use_.in_use);
    return block;
  }
  give_back_smaller(size);
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

// Takes a block of the class, or a larger one where that is allowed and needed; null when there is none.
void* MemoryPool::waiting_block(size_t size) {
  const bool larger = fit_ == Fit::up_to_eightfold && piles_up(use_, size);
  const auto found = larger ? waiting_.lower_bound(size) : waiting_.find(size);
  if (found == waiting_.end() || found->second.empty() || found->first / 8 > size) return nullptr;
  void* block = found->second.back();
  found->second.pop_back();
  if (found->first != size) larger_[block] = found->first;
  if (found->second.empty() && fit_ == Fit::up_to_eightfold) waiting_.erase(found);
  return block;
}

void MemoryPool::give_back_smaller(size_t size) {
  if (fit_ == Fit::same_class || !piles_up(use_, size)) return;
  size_t freed = 0;
  for (auto next = waiting_.lower_bound(size); freed < size && next != waiting_.begin();) {
    auto& [smaller, blocks] = *--next;
    for (; freed < size && !blocks.empty(); blocks.pop_back()) {
      system_.release(blocks.back());
      use_.reserved -= smaller;
      freed += smaller;
    }
    if (blocks.empty()) next = waiting_.erase(next);
  }
}

void MemoryPool::release(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  use_.in_use -= size;
  if (const auto found = larger_.find(block); found != larger_.end()) {
    size = found->second;
    larger_.erase(found);
  }
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
