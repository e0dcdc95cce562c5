// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "mellow/engine/core/free_ranges.h"

namespace mellow {

struct MemoryUse {
  size_t in_use = 0;    // bytes handed out
  size_t reserved = 0;  // bytes taken from the system, handed out or waiting; on the CPU also untouched ones
  size_t peak = 0;      // highest in_use so far
  size_t system_allocations = 0;
};

// Keeps released blocks for the next request of the same size class, so that a training step with fixed
// shapes asks the system for nothing after its first run. Thread-safe.
class MemoryPool {
 public:
  struct System {
    std::function<void*(size_t)> allocate;  // returns nullptr when there is no memory
    std::function<void(void*)> release;
  };
  // How requests find memory. same_class: in released blocks of their size class. cut: from large segments,
  // in which free neighbours merge, for shapes that change from step to step: these would fill same_class
  // with blocks of every size ever asked for. Repeated shapes settle in both.
  enum class Fit { same_class, cut };
  // `limit` is in bytes, 0 for none.
  MemoryPool(System system, size_t limit, Fit fit = Fit::same_class);
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // Throws Error(out_of_memory) with the bytes needed, in use and allowed.
  void* allocate(size_t bytes);
  void release(void* block, size_t bytes) noexcept;
  // Returns waiting blocks to the system.
  void trim();
  MemoryUse use() const;

  // The size a request is rounded up to. Of a class: multiples of 256 bytes, above 4 KiB eight steps per
  // power of two; what is cut: multiples of 256 bytes.
  static size_t size_class(size_t bytes);
  static size_t cut_size(size_t bytes);

 private:
  size_t rounded(size_t bytes) const;
  void* find(size_t size);
  bool grow(size_t size);
  bool take_from_system(size_t size);
  void trim_locked();

  mutable std::mutex mutex_;
  System system_;
  size_t limit_;
  Fit fit_;
  MemoryUse use_;
  std::map<size_t, std::vector<void*>> waiting_;  // same_class: released blocks by class
  FreeRanges ranges_;                             // cut
};

}  // namespace mellow
