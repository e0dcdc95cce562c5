// SPDX-License-Identifier: MIT
#include "mellow/engine/core/memory_pool.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <tuple>

#include "mellow/engine/core/error.h"

namespace mellow {
namespace {

constexpr size_t granule = 256;  // bytes; small classes and cuts are multiples of it
constexpr size_t segment = size_t{1} << 30;

void check_size(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() / 2)
    throw Error(text("[memory] a request of ", bytes, " bytes cannot be served"), ErrorKind::out_of_memory);
}

}  // namespace

MemoryPool::MemoryPool(System system, size_t limit, Fit fit)
    : system_(std::move(system)), limit_(limit), fit_(fit) {}

MemoryPool::~MemoryPool() { trim_locked(); }

size_t MemoryPool::size_class(size_t bytes) {
  if (bytes <= 4096) return cut_size(bytes);
  check_size(bytes);
  const size_t step = size_t{1} << (std::bit_width(bytes) - 4);  // an eighth of the power of two below
  return (bytes + step - 1) / step * step;
}

size_t MemoryPool::cut_size(size_t bytes) {
  check_size(bytes);
  return std::max(granule, (bytes + granule - 1) / granule * granule);
}

size_t MemoryPool::rounded(size_t bytes) const {
  return fit_ == Fit::cut ? cut_size(bytes) : size_class(bytes);
}

void* MemoryPool::allocate(size_t bytes) {
  const size_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  void* block = find(size);
  if (block == nullptr && grow(size)) block = find(size);
  if (block == nullptr)
    throw Error(text("[memory] out of memory: ", size, " bytes needed, ", use_.in_use, " in use",
                     limit_ ? text(", limit ", limit_) : "", "; use a smaller batch or another device"),
                ErrorKind::out_of_memory);
  use_.in_use += size;
  use_.peak = std::max(use_.peak, use_.in_use);
  return block;
}

void* MemoryPool::find(size_t size) {
  if (fit_ == Fit::cut) return ranges_.take(size);
  std::vector<void*>& blocks = waiting_[size];
  if (blocks.empty()) return nullptr;
  void* block = blocks.back();
  blocks.pop_back();
  return block;
}

// Takes a block or a segment for a request of `size`. One segment is to hold all there will be: the system
// gives memory to what is touched, the rest is addresses alone. Where it refuses so much, segments are as
// large as the requests that need them; free ones, too small by now, go first.
bool MemoryPool::grow(size_t size) {
  if (fit_ == Fit::cut) {
    trim_locked();
    const size_t room = limit_ == 0 ? segment : limit_ - use_.reserved;
    if (take_from_system(std::max(size, std::min(segment, room)))) return true;
  } else if (take_from_system(size)) {
    return true;
  }
  trim_locked();
  return take_from_system(size);
}

bool MemoryPool::take_from_system(size_t size) {
  if (limit_ != 0 && use_.reserved + size > limit_) return false;
  void* taken = system_.allocate(size);
  if (taken == nullptr) return false;
  if (fit_ == Fit::cut)
    ranges_.add(taken, size);
  else
    waiting_[size].push_back(taken);
  use_.reserved += size;
  ++use_.system_allocations;
  return true;
}

void MemoryPool::release(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  const size_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  use_.in_use -= size;
  if (fit_ == Fit::cut)
    ranges_.give(block, size);
  else
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
  for (auto [segment, size] = ranges_.remove_free_segment(); segment != nullptr;
       std::tie(segment, size) = ranges_.remove_free_segment()) {
    system_.release(segment);
    use_.reserved -= size;
  }
}

MemoryUse MemoryPool::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

}  // namespace mellow
