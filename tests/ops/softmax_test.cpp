// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/softmax.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

TEST_CASE("softmax and log_softmax: gradients, devices, sums") {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 2}, Shape{5, 7}, Shape{2, 3, 61}, Shape{4}}) {
    CAPTURE(shape[0]);
    check_op([](const Inputs& in) { return softmax(in[0]); }, {shape}, {.low = -3, .high = 3});
    check_op([](const Inputs& in) { return log_softmax(in[0]); }, {shape}, {.low = -3, .high = 3});
  }
}

TEST_CASE("softmax stays exact for logits of any size") {
  for (Device device : devices()) {
    Context context(strict(device));
    const auto z = tensor_of<float>(context, {2, 3}, {80, -80, 79, 1e30, -1e30, 0});
    const auto p = to_doubles(softmax(z));
    check_close(p, {1 / (1 + std::exp(-1.0)), 0, 1 / (1 + std::exp(1.0)), 1, 0, 0}, 1e-6, "softmax");
    const auto log_p = to_doubles(log_softmax(z));
    CHECK(log_p[1] == doctest::Approx(-160 - std::log(1 + std::exp(-1.0))));
    CHECK(log_p[4] == doctest::Approx(-2e30));
  }
}

TEST_CASE("softmax reads windows") {
  for (Device device : devices()) {
    Context context(strict(device));
    const auto wide = tensor_of<float>(context, {5, 9}, random_values(45, 1));
    const auto got = to_doubles(softmax(wide.window(1, 2, 6)));
    const auto values = to_doubles(wide);
    for (size_t r = 0; r < 5; ++r) {
      double sum = 0;
      for (size_t c = 0; c < 4; ++c) sum += std::exp(values[r * 9 + 2 + c]);
      for (size_t c = 0; c < 4; ++c)
        CHECK(got[r * 4 + c] == doctest::Approx(std::exp(values[r * 9 + 2 + c]) / sum));
    }
  }
}

TEST_CASE("softmax refuses what has no classes") {
  Context context(strict(Device::cpu));
  CHECK_THROWS_AS(softmax(Tensor::zeros(context, {3, 0})), Error);
  CHECK_THROWS_AS(log_softmax(Tensor::zeros(context, {2, 2}, DType::i32)), Error);
}
