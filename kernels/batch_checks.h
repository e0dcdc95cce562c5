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

// Rows of `all` [samples, …], one per index, against `some` [batch, …].
inline void check_rows(const char* where, const Tensor& all, const Tensor& index, const Tensor& some) {
  MELLOW_CHECK(all.rank() == some.rank() && all.rank() >= 1 && all.dtype() == some.dtype() &&
                   some.dim(0) == index.count() && all.count() * some.dim(0) == some.count() * all.dim(0),
               "[", where, "] ", index.count(), " samples of ", all.shape(), " do not fit ", some.shape());
  check_contiguous(where, all);
  check_contiguous(where, some);
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

inline void check_beta_labels(const Tensor& probabilities, const Tensor& labels, const Tensor& index,
                              const Tensor& step, const Tensor& out) {
  check_rank("beta_labels", probabilities, 2, "probabilities [batch, classes]");
  check_contiguous("beta_labels", probabilities);
  check_contiguous("beta_labels", out);
  MELLOW_CHECK(labels.dtype() == DType::i32 && index.dtype() == DType::i32 && step.dtype() == DType::i64 &&
                   step.count() == 1,
               "[beta_labels] labels and index must be I32, step I64 [1]");
  MELLOW_CHECK(probabilities.dtype() == DType::f32 && out.dtype() == DType::f32 &&
                   index.count() == probabilities.dim(0) && probabilities.dim(1) >= 2 &&
                   out.shape() == (Shape{labels.count(), probabilities.dim(1)}),
               "[beta_labels] probabilities ", probabilities.shape(), " of ", index.count(),
               " samples do not fit labels ", out.shape(), "; at least two classes, float32");
}

inline void check_mask(const Tensor& x, const Tensor& mask) {
  check_rank("mask_missing", x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(mask.shape() == (Shape{x.dim(0), x.dim(1)}),
               "[mask_missing] mask must be [batch, length] of x ", x.shape(), ", got ", mask.shape());
  check_contiguous("mask_missing", x);
  check_contiguous("mask_missing", mask);
}

}  // namespace mellow::internal
