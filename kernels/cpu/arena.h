// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace mellow::cpu {

// Cuts a caller's workspace into arrays aligned to 64 bytes. With no base it only counts, so that one
// planning function both sizes the workspace and lays it out.
class Arena {
 public:
  explicit Arena(void* base = nullptr) : base_(static_cast<std::byte*>(base)) {}

  template <class T>
  T* take(int64_t count) {
    const size_t at = used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return base_ ? reinterpret_cast<T*>(base_ + at) : nullptr;
  }
  size_t used() const { return used_; }
  bool counts() const { return base_ == nullptr; }  // only counting: there is nothing to write to

 private:
  std::byte* base_;
  size_t used_ = 0;
};

}  // namespace mellow::cpu
