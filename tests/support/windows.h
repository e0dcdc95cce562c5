// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/join.h"
#include "mellow/tests/support/check_op.h"

namespace mellow::test {

// The values of x in a channel window of a wider array, on the tape.
inline Tensor as_window(const Tensor& x) {
  Shape wide = x.shape();
  wide[-1] += 3;
  const Tensor place = Tensor::zeros(x.context(), wide, x.dtype()).window(-1, 1, 1 + x.dim(-1));
  const Tensor in[] = {x};
  return internal::apply_into(Scale{1.0}, in, place);
}

// An op that keeps the dimensions before the last, with windows in every place: its first input, its upstream
// gradient, and the sum that its gradient is added to.
inline OpUnderTest through_windows(const OpUnderTest& op) {
  return [op](const Inputs& in) {
    Inputs moved = in;
    moved[0] = as_window(in[0]);
    const Tensor parts[] = {moved[0], op(moved)};
    return concatenate(parts);
  };
}

}  // namespace mellow::test
