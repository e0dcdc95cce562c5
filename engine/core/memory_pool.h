// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>
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
  // How requests find blocks. Shapes that change from step to step would fill same_class with blocks of every
  // size ever asked for: up_to_eightfold also takes the smallest larger block, up to eight times the request,
  // and before it takes more from the system it gives back waiting blocks that are too small, largest first,
  // up to the size of the request. Repeated shapes still settle: each request keeps its block.
  enum class Fit { same_class, up_to_eightfold };
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

  // The size a request is rounded up to: multiples of 256 bytes, above 4 KiB eight steps per power of two.
  static size_t size_class(size_t bytes);

 private:
  void* waiting_block(size_t size);
  void give_back_smaller(size_t size);
  void trim_locked();

  mutable std::mutex mutex_;
  System system_;
  size_t limit_;
  Fit fit_;
  MemoryUse use_;
  std::map<size_t, std::vector<void*>> waiting_;  // by class; no empty lists with up_to_eightfold
  std::unordered_map<void*, size_t> larger_;      // blocks handed out for less than their class
};

}  // namespace mellow
