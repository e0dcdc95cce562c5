// SPDX-License-Identifier: MIT
#include <limits>

#include "mellow/engine/core/random_state.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

const std::vector<Shape> ragged = {{2, 5, 3}, {1, 1, 1}, {1, 7}, {3}, {4, 1, 17}};

// Moves values away from 0, where relu has a corner.
std::vector<double> cornerless(int64_t count) {
  auto values = random_values(count, 3, -2, 2);
  for (double& v : values) v += v < 0 ? -0.1 : 0.1;
  return values;
}

std::vector<float> apply_f32(Tensor (*op)(const Tensor&), const std::vector<float>& x) {
  Context context(strict(Device::cpu));
  return op(Tensor::from(context, {static_cast<int64_t>(x.size())}, x)).to_vector<float>();
}

}  // namespace

TEST_CASE("pointwise: gradients of one-input ops") {
  for (const Shape& shape : ragged) {
    CAPTURE(shape);
    const auto wide = random_values(shape.count(), 5, -3, 3);
    check_op([](const Inputs& in) { return relu(in[0]); }, {shape}, {}, {cornerless(shape.count())});
    check_op([](const Inputs& in) { return gelu(in[0]); }, {shape}, {}, {wide});
    check_op([](const Inputs& in) { return sigmoid(in[0]); }, {shape}, {}, {wide});
    check_op([](const Inputs& in) { return mellow::tanh(in[0]); }, {shape}, {}, {wide});
    check_op([](const Inputs& in) { return scale(in[0], -2.5); }, {shape}, {}, {wide});
  }
}

TEST_CASE("pointwise: gradients of two-input ops") {
  for (const Shape& shape : ragged) {
    CAPTURE(shape);
    check_op([](const Inputs& in) { return add(in[0], in[1]); }, {shape, shape});
    check_op([](const Inputs& in) { return multiply(in[0], in[1]); }, {shape, shape});
    check_op([](const Inputs& in) { return add(in[0], in[0]); }, {shape});
    check_op([](const Inputs& in) { return add_relu(in[0], in[1]); }, {shape, shape});
    check_op([](const Inputs& in) { return add_relu(in[0], in[0]); }, {shape});
    check_op([](const Inputs& in) { return add_relu(scale(in[0], 0.5), in[1], true); }, {shape, shape});
    check_op([](const Inputs& in) { return multiply(in[0], in[0]); }, {shape});
  }
}

TEST_CASE("pointwise: windows in every place, with and without channels in fours") {
  struct Case {
    Shape shape;
    int64_t before;
  };
  for (const Case& c : {Case{{2, 5, 3}, 1}, {{2, 5, 8}, 4}, {{2, 5, 8}, 1}}) {
    CAPTURE(c.shape);
    CAPTURE(c.before);
    const Shape& shape = c.shape;
    const auto check = [&](const OpUnderTest& op, const std::vector<Shape>& shapes,
                           std::vector<std::vector<double>> values = {}) {
      check_op(through_windows(op, c.before), shapes, {}, std::move(values));
    };
    check([](const Inputs& in) { return relu(in[0]); }, {shape}, {cornerless(shape.count())});
    check([](const Inputs& in) { return gelu(in[0]); }, {shape});
    check([](const Inputs& in) { return sigmoid(in[0]); }, {shape});
    check([](const Inputs& in) { return mellow::tanh(in[0]); }, {shape});
    check([](const Inputs& in) { return scale(in[0], 3); }, {shape});
    check([](const Inputs& in) { return add(in[0], in[1]); }, {shape, shape});
    check([](const Inputs& in) { return multiply(in[0], in[1]); }, {shape, shape});
    check(
        [](const Inputs& in) {
          draw_for_step(in[0].context());
          return dropout(in[0], 0.4, 1);
        },
        {shape});
  }
}

TEST_CASE("pointwise: float32 functions stay within 2e-7 of the exact ones") {
  std::vector<float> x;
  for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<float>(i) * 6e-4f);
  const auto g = apply_f32(gelu, x), s = apply_f32(sigmoid, x), t = apply_f32(mellow::tanh, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    CAPTURE(v);
    REQUIRE(std::abs(g[i] - v * 0.5 * (1 + std::erf(v / std::sqrt(2.0)))) <=
            2e-7 * std::max(1.0, std::abs(v)));
    REQUIRE(std::abs(s[i] - 1 / (1 + std::exp(-v))) <= 2e-7);
    REQUIRE(std::abs(t[i] - std::tanh(v)) <= 2e-7);
    REQUIRE(std::abs(t[i] - std::tanh(v)) <= 4e-7 * std::abs(std::tanh(v)));
  }
}

TEST_CASE("pointwise: extremes and NaN") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {-inf, -1e30f, -200, 200, 1e30f, inf};
  const std::vector<float> steps = {0, 0, 0, 1, 1, 1}, signs = {-1, -1, -1, 1, 1, 1};
  const auto s = apply_f32(sigmoid, x);
  for (size_t i = 0; i < x.size(); ++i) CHECK(std::abs(s[i] - steps[i]) < 1e-30f);
  CHECK(apply_f32(mellow::tanh, x) == signs);
  CHECK(apply_f32(gelu, {-1e30f, -200, 200, 1e30f}) == std::vector<float>{0, 0, 200, 1e30f});
  for (auto op : {relu, gelu, sigmoid, static_cast<Tensor (*)(const Tensor&)>(mellow::tanh)})
    for (float v : apply_f32(op, {nan, nan, nan})) CHECK(std::isnan(v));
}

TEST_CASE("dropout: forward and backward draw one mask") {
  const Shape shape = {7, 11, 63};
  const int64_t n = shape.count();
  std::vector<float> first;
  for (int threads : {1, 3}) {
    Context context(strict(Device::cpu, threads));
    draw_for_step(context, 0, 5);
    const Tensor x =
        Tensor::from(context, shape, std::vector<float>(static_cast<size_t>(n), 1.0f)).set_requires_grad();
    Tape tape(context);
    const Tensor y = dropout(x, 0.3, 2);
    const auto values = y.to_vector<float>();
    tape.backward(y, Tensor::from(context, shape, std::vector<float>(static_cast<size_t>(n), 1.0f)));
    CHECK(x.grad().to_vector<float>() == values);
    if (first.empty()) first = values;
    CHECK(values == first);
  }
  int64_t kept = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    const auto words = random_words(5, RandomStream::dropout, uint64_t{2} << 32, i / 4);
    REQUIRE((first[i] != 0) == (uniform_from(words[i % 4]) >= 0.3f));
    REQUIRE((first[i] == 0 || first[i] == doctest::Approx(1 / 0.7)));
    kept += first[i] != 0;
  }
  const double n_real = static_cast<double>(n);  // four standard deviations
  CHECK(std::abs(static_cast<double>(kept) - 0.7 * n_real) < 4 * std::sqrt(n_real * 0.7 * 0.3));
}

TEST_CASE("dropout: another seed, step or site is another mask") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {400}, std::vector<double>(400, 1.0));
  auto mask = [&](uint64_t seed, int64_t step, uint32_t site) {
    draw_for_step(context, step, seed);
    return dropout(x, 0.5, site).to_vector<double>();
  };
  const auto base = mask(1, 1, 1);
  CHECK(base == mask(1, 1, 1));
  CHECK(base != mask(2, 1, 1));
  CHECK(base != mask(1, 2, 1));
  CHECK(base != mask(1, 1, 2));
}

TEST_CASE("dropout: a loop that counts no steps is told to, instead of dropping the same at every one") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {3});
  CHECK(contains(message_of([&] { dropout(x, 0.5, 1); }), "context.random()"));
  {
    const RandomScope draws(context, {1, Tensor::zeros(context, {1}, DType::i64)});
    CHECK_NOTHROW(dropout(x, 0.5, 1));
  }
  CHECK_THROWS_AS(dropout(x, 0.5, 1), Error);
  context.random().step = Tensor::zeros(context, {1});
  CHECK_THROWS_AS(dropout(x, 0.5, 1), Error);
}

TEST_CASE("dropout: a window draws the mask of a dense tensor") {
  Context context(strict(Device::cpu));
  draw_for_step(context);
  const Shape shape = {5, 3, 7};
  const Tensor dense = Tensor::from(context, shape, std::vector<double>(105, 1.0));
  CHECK(dropout(as_window(dense), 0.5, 1).to_vector<double>() == dropout(dense, 0.5, 1).to_vector<double>());
}

TEST_CASE("dropout: nothing dropped is the input itself; the probability is checked") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {3});
  CHECK(dropout(x, 0, 1) == x);
  CHECK_THROWS_AS(dropout(x, 1, 1), Error);
  CHECK_THROWS_AS(dropout(x, -0.1, 1), Error);
  CHECK_THROWS_AS(dropout(x, std::nan(""), 1), Error);
}

TEST_CASE("mask_steps: zeroes steps, forward and backward") {
  for (int64_t channels : {1, 3, 20}) {
    auto op = [](const Inputs& in) {
      std::vector<uint8_t> keep = {1, 0, 1, 1, 0, 0, 1, 1};
      return mask_steps(in[0], Tensor::from(in[0].context(), {2, 4}, keep));
    };
    check_op(op, {{2, 4, channels}});
    check_op(through_windows(op), {{2, 4, channels}});
  }
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {1, 2, 2}, std::vector<float>{1, 2, std::nanf(""), 4});
  const Tensor mask = Tensor::from(context, {1, 2}, std::vector<uint8_t>{1, 0});
  CHECK(mask_steps(x, mask).to_vector<float>() == std::vector<float>{1, 2, 0, 0});  // NaN is masked away
  CHECK_THROWS_AS(mask_steps(x, Tensor::zeros(context, {2, 1}, DType::u8)), Error);
  CHECK_THROWS_AS(mask_steps(x, Tensor::zeros(context, {1, 2})), Error);
  CHECK_THROWS_AS(mask_steps(Tensor::zeros(context, {1, 2}), mask), Error);
}

TEST_CASE("pointwise: what does not fit is refused") {
  Context context(strict(Device::cpu)), other(strict(Device::cpu));
  const Tensor a = Tensor::zeros(context, {2, 3});
  CHECK_THROWS_WITH_AS(add(a, Tensor::zeros(context, {3, 2})), "[add] shapes differ: [2, 3] and [3, 2]",
                       Error);
  CHECK_THROWS_AS(multiply(a, Tensor::zeros(context, {6})), Error);
  CHECK_THROWS_AS(add(a, Tensor::zeros(context, {2, 3}, DType::f64)), Error);
  CHECK_THROWS_AS(add(a, Tensor::zeros(other, {2, 3})), Error);
  CHECK_THROWS_AS(relu(Tensor::zeros(context, {2}, DType::i32)), Error);
  CHECK(relu(Tensor::zeros(context, {0, 3})).count() == 0);
}
