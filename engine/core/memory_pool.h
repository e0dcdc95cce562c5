// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace mellow {

struct MemoryUse {
  size_t in_use = 0;    // bytes handed out
  size_t reserved = 0;  // bytes taken from the system, handed out or waiting
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
  // `limit` is in bytes, 0 for none.
  MemoryPool(System system, size_t limit);
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // Throws Error(out_of_memory) with the bytes needed, in use and allowed.
  void* allocate(size_t bytes);
  void release(void* block, size_t bytes) noexcept;
  // Returns waiting blocks to the system.
  void trim();
  MemoryUse use() const;

  // The size a request is rounded up to: multiples of 256 bytes, above 4 KiB eight steps per power of two.
  static size_t size_class(size_t bytes);

 private:
  void trim_locked();

  mutable std::mutex mutex_;
  System system_;
  size_t limit_;
  MemoryUse use_;
  std::map<size_t, std::vector<void*>> waiting_;
};

}  // namespace mellow
