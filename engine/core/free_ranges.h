// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace mellow {

// The free parts of large segments of memory. Requests are cut from the smallest part that holds them; parts
// that come back merge with their free neighbours in the segment. Takes no memory of the kind it manages:
// addresses are only compared, so they may be a GPU's.
class FreeRanges {
 public:
  // A new segment, all of it free.
  void add(void* segment, size_t size);
  // Null when no part is large enough.
  void* take(size_t size);
  void give(void* block, size_t size);
  // Forgets a segment that is free from end to end and returns it; {nullptr, 0} when there is none.
  std::pair<void*, size_t> remove_free_segment();

 private:
  void insert(std::byte* at, size_t size);
  void erase(std::map<std::byte*, size_t>::iterator range);

  std::map<std::byte*, size_t> segments_, free_;
  std::set<std::pair<size_t, std::byte*>> by_size_;  // of the free parts
};

}  // namespace mellow
