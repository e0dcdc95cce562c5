// SPDX-License-Identifier: MIT
#include "mellow/engine/core/free_ranges.h"

#include <iterator>

namespace mellow {

void FreeRanges::add(void* segment, size_t size) {
  segments_[static_cast<std::byte*>(segment)] = size;
  insert(static_cast<std::byte*>(segment), size);
}

void* FreeRanges::take(size_t size) {
  const auto found = by_size_.lower_bound({size, nullptr});
  if (found == by_size_.end()) return nullptr;
  const auto [room, at] = *found;
  erase(free_.find(at));
  if (room > size) insert(at + size, room - size);
  return at;
}

void FreeRanges::give(void* block, size_t size) {
  auto* at = static_cast<std::byte*>(block);
  const auto next = free_.lower_bound(at);
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == at && !segments_.contains(at)) {
      at = before->first;
      size += before->second;
      erase(before);
    }
  }
  if (next != free_.end() && at + size == next->first && !segments_.contains(next->first)) {
    size += next->second;
    erase(next);
  }
  insert(at, size);
}

std::pair<void*, size_t> FreeRanges::remove_free_segment() {
  for (const auto& [start, size] : segments_) {
    const auto range = free_.find(start);
    if (range == free_.end() || range->second != size) continue;
    const std::pair<void*, size_t> removed = {start, size};
    erase(range);
    segments_.erase(start);
    return removed;
  }
  return {nullptr, 0};
}

void FreeRanges::insert(std::byte* at, size_t size) {
  free_[at] = size;
  by_size_.insert({size, at});
}

void FreeRanges::erase(std::map<std::byte*, size_t>::iterator range) {
  by_size_.erase({range->second, range->first});
  free_.erase(range);
}

}  // namespace mellow
