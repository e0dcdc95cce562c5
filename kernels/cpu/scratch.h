// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "mellow/engine/core/backend.h"

namespace mellow::cpu {

// A block of pool memory for the length of a call, aligned to 64 bytes.
class Scratch {
 public:
  Scratch(Cpu& cpu, size_t bytes) : cpu_(cpu), bytes_(bytes), block_(cpu.allocate(bytes)) {}
  ~Scratch() { cpu_.release(block_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* data() const { return block_; }
  size_t bytes() const { return bytes_; }

 private:
  Cpu& cpu_;
  size_t bytes_;
  void* block_;
};

}  // namespace mellow::cpu
