// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/recompute.h"

#include "mellow/engine/autograd/tape.h"

namespace mellow {

void recompute_for_backward(const Tensor& y) {
  if (Tape* tape = y.context().tape(); tape != nullptr) tape->drop(y);
}

}  // namespace mellow
