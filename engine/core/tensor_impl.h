// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

namespace mellow {

// One block of device memory, returned to its backend with the last handle.
struct Storage {
  Storage(Context& owner, size_t size) : context(owner), bytes(size), block(owner.backend().allocate(size)) {}
  ~Storage() { context.backend().release(block, bytes); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Context& context;
  size_t bytes;
  void* block;
};

// What handles share. `tape` and `node` name the op that made it (0: none).
struct Tensor::Impl {
  Context* context = nullptr;
  std::shared_ptr<Storage> storage;  // none while the elements are dropped (Tape::drop)
  Shape shape;
  std::array<int64_t, Shape::max_rank> strides{};
  int64_t offset = 0;  // in elements
  DType dtype = DType::f32;
  bool requires_grad = false;
  Tensor grad;
  uint64_t tape = 0;
  int64_t node = -1;

  // A new handle's worth on the same elements: off the tape, wanting no gradient.
  std::shared_ptr<Impl> same_elements() const {
    auto impl = std::make_shared<Impl>();
    impl->context = context;
    impl->storage = storage;
    impl->shape = shape;
    impl->strides = strides;
    impl->offset = offset;
    impl->dtype = dtype;
    return impl;
  }
};

}  // namespace mellow
