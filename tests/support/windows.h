// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/join.h"
#include "mellow/tests/support/check_op.h"

namespace mellow::test {

// The values of x in a channel window of a wider array, behind `before` channels, on the tape.
inline Tensor as_window(const Tensor& x, int64_t before = 1) {
  Shape wide = x.shape();
  wide[-1] += before + (before % 4 == 0 ? 4 : 2);  // channels in fours stay so
  const Tensor place = Tensor::zeros(x.context(), wide, x.dtype()).window(-1, before, before + x.dim(-1));
  const Tensor in[] = {x};
  return internal::apply_into(Scale{1.0}, in, place);
}

// An op that keeps the dimensions before the last, with windows in every place: its first input, its upstream
// gradient, and the sum that its gradient is added to.
inline OpUnderTest through_windows(const OpUnderTest& op, int64_t before = 1) {
  return [op, before](const Inputs& in) {
    Inputs moved = in;
    moved[0] = as_window(in[0], before);
    const Tensor parts[] = {moved[0], op(moved)};
    return concatenate(parts);
  };
}

}  // namespace mellow::test
