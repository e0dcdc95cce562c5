// SPDX-License-Identifier: MIT
#include <limits>

#include "mellow/engine/ops/cast.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("cast: to bf16 and back rounds to nearest even, NaN and infinity stay") {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values = {0.f,         -1.5f,    1.00390625f, 1.01171875f,
                                     3.14159265f, infinity, -infinity,   65504.f};
  // 1 + 2^-8 lies between 1 and 1 + 2^-7: even is 1; 1 + 3·2^-8 goes up to 1 + 2^-6.
  const std::vector<float> expected = {0.f, -1.5f, 1.f, 1.015625f, 3.140625f, infinity, -infinity, 65536.f};
  for (const Device device : devices()) {
    Context context(strict(device));
    const Tensor stored = cast(Tensor::from(context, {8}, values), DType::bf16);
    CHECK(stored.dtype() == DType::bf16);
    CHECK(cast(stored, DType::f32).to_vector<float>() == expected);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(cast(cast(Tensor::from(context, {1}, std::vector<float>{nan}), DType::bf16), DType::f32)
                         .item<float>()));
  }
}

TEST_CASE("cast: the gradient comes back in the input's type") {
  for (const Device device : devices()) {
    Context context(strict(device));
    const Tensor x = Tensor::from(context, {3}, std::vector<float>{1, 2, 3}).set_requires_grad();
    Tape tape(context);
    const Tensor y = scale(cast(cast(x, DType::bf16), DType::f32), 2);
    tape.backward(y, Tensor::from(context, {3}, std::vector<float>{1, 0.5f, -3}));
    CHECK(x.grad().dtype() == DType::f32);
    CHECK(x.grad().to_vector<float>() == std::vector<float>{2, 1, -6});
  }
}

TEST_CASE("cast: float64 on the CPU; what is not offered is refused") {
  Context context(strict(Device::cpu));
  {
    const Tensor leaf = Tensor::from(context, {2}, std::vector<float>{0.1f, 2}).set_requires_grad();
    Tape tape(context);
    tape.backward(cast(cast(leaf, DType::f64), DType::f32),
                  Tensor::from(context, {2}, std::vector<float>{3, -1}));
    CHECK(leaf.grad().to_vector<float>() == std::vector<float>{3, -1});
  }
  const Tensor x = Tensor::from(context, {2}, std::vector<float>{0.1f, 2});
  CHECK(cast(x, DType::f64).to_vector<double>() == std::vector<double>{0.1f, 2});
  CHECK(contains(message_of([&] { cast(x, DType::i32); }), "F32 to I32"));
  CHECK(contains(message_of([&] {
                   cast(Tensor::zeros(context, {2, 4}).window(1, 0, 2), DType::bf16);
                 }),
                 "contiguous"));
}
