// SPDX-License-Identifier: MIT
#include "mellow/engine/optim/optimizer.h"

namespace mellow {
namespace {

std::string described(const Tensor& t) {
  return t.defined() ? text(name_of(t.dtype()), " ", t.shape()) : "an empty tensor";
}

bool is_one(const Tensor& t, DType dtype) {
  return t.defined() && t.dtype() == dtype && t.shape() == Shape{1};
}

}  // namespace

void check_update(const char* where, const Tensor& rate, const Tensor& step) {
  MELLOW_CHECK(is_one(rate, DType::f32), "[", where, "] the rate must be F32 [1], got ", described(rate));
  MELLOW_CHECK(is_one(step, DType::i64), "[", where, "] the step must be I64 [1], got ", described(step));
  if (step.context().device() != Device::cpu) return;
  const int64_t number = *step.data<int64_t>();
  MELLOW_CHECK(number >= 1, "[", where, "] steps are counted from 1, got step ", number);
}

}  // namespace mellow
