// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

// What the batch ops ask of their tensors, on every device (engine/ops/batch.h).
namespace mellow::internal {

inline void check_contiguous(const char* where, const Tensor& t) {
  MELLOW_CHECK(t.is_contiguous(), "[", where, "] needs contiguous tensors, got strides in ", t.shape());
}

inline void check_order(const Tensor& order) {
  check_rank("shuffle", order, 1, "order [samples]");
  check_contiguous("shuffle", order);
}

inline void check_gather(const Tensor& x, const Tensor& index, const Tensor& out) {
  MELLOW_CHECK(x.rank() == out.rank() && x.rank() >= 1 && x.dtype() == out.dtype() &&
                   out.dim(0) == index.count() && x.count() * out.dim(0) == out.count() * x.dim(0),
               "[gather] ", index.count(), " samples of x ", x.shape(), " do not fit ", out.shape());
  check_contiguous("gather", x);
  check_contiguous("gather", out);
}

inline void check_crops(const Tensor& x, const Tensor& index, const Tensor& offset, const Tensor& out) {
  check_rank("gather_crops", x, 3, "x [samples, length, channels]");
  check_rank("gather_crops", out, 3, "out [batch, steps, channels]");
  check_contiguous("gather_crops", x);
  check_contiguous("gather_crops", out);
  MELLOW_CHECK(x.dtype() == out.dtype() && x.dim(2) == out.dim(2) && index.count() == out.dim(0) &&
                   offset.count() == out.dim(0),
               "[gather_crops] ", index.count(), " crops at ", offset.count(), " offsets of x ", x.shape(),
               " do not fit ", out.shape());
}

inline void check_mask(const Tensor& x, const Tensor& mask) {
  check_rank("mask_missing", x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(mask.shape() == (Shape{x.dim(0), x.dim(1)}),
               "[mask_missing] mask must be [batch, length] of x ", x.shape(), ", got ", mask.shape());
  check_contiguous("mask_missing", x);
  check_contiguous("mask_missing", mask);
}

}  // namespace mellow::internal
