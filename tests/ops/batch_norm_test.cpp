// SPDX-License-Identifier: MIT
#include <cstring>

#include "mellow/engine/ops/batch_norm.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

const std::vector<Shape> ragged = {{2, 5, 3}, {2, 1, 1}, {1, 2, 4}, {7, 3}, {3, 11, 40}, {2, 151, 36}};

// batch_norm of in = {x, gamma, beta} with running statistics that differ between channels.
Tensor normalised(const Inputs& in, const BatchNormOptions& options) {
  const Tensor& x = in[0];
  const auto c = x.dim(-1);
  auto statistics = [&](double low, double high) {
    const auto values = random_values(c, 50, low, high);
    return x.dtype() == DType::f64 ? tensor_of<double>(x.context(), {c}, values)
                                   : tensor_of<float>(x.context(), {c}, values);
  };
  return batch_norm(x, in[1], in[2], statistics(-1, 1), statistics(0.5, 2), options);
}

struct Moments {
  double mean, variance;
};
// Of channel c, biased, in two passes.
Moments moments_of(const std::vector<double>& x, size_t channels, size_t c) {
  const double n = static_cast<double>(x.size() / channels);
  Moments m{0, 0};
  for (size_t i = c; i < x.size(); i += channels) m.mean += x[i] / n;
  for (size_t i = c; i < x.size(); i += channels) m.variance += (x[i] - m.mean) * (x[i] - m.mean) / n;
  return m;
}

}  // namespace

TEST_CASE("batch_norm: gradients, training and inference") {
  for (const Shape& shape : ragged)
    for (bool training : {true, false}) {
      CAPTURE(shape);
      CAPTURE(training);
      const Shape channels = {shape[-1]};
      const BatchNormOptions options{.training = training};
      // With two values per channel the variance must not be near 0, where differences are blind.
      check_op([=](const Inputs& in) { return normalised(in, options); }, {shape, channels, channels},
               {.f32_tolerance = 1e-3, .step = 1e-5});
    }
}

TEST_CASE("batch_norm: fused relu") {
  for (bool training : {true, false}) {
    BatchNormOptions options{.training = training};
    const std::vector<Shape> shapes = {{3, 7, 5}, {5}, {5}};
    Context context(strict(Device::cpu));
    Inputs in;
    for (size_t i = 0; i < shapes.size(); ++i)
      in.push_back(tensor_of<double>(context, shapes[i], random_values(shapes[i].count(), 7 + i)));
    const auto plain = normalised(in, options).to_vector<double>();
    options.relu = true;
    const auto cut = normalised(in, options).to_vector<double>();
    for (size_t i = 0; i < plain.size(); ++i) CHECK(cut[i] == std::max(0.0, plain[i]));
    check_op([=](const Inputs& x) { return normalised(x, options); }, shapes);
  }
}

TEST_CASE("batch_norm: windows in every place") {
  for (bool relu : {false, true})
    for (int64_t before : {1, 4}) {
      const auto op = [=](const Inputs& in) { return normalised(in, {.relu = relu}); };
      check_op(through_windows(op, before), {{3, 4, 5}, {5}, {5}});
      check_op(through_windows(op, before), {{3, 4, 8}, {8}, {8}});
    }
}

TEST_CASE("batch_norm: normalises with the biased variance and moves the running statistics") {
  for (auto correction : {VarianceCorrection::bessel, VarianceCorrection::keras})
    for (Device device : devices()) {
      Context context(strict(device));
      const Shape shape = {4, 9, 3};
      const auto values = random_values(shape.count(), 2, -2, 5);
      const bool wide = device == Device::cpu;  // CUDA computes on float32 alone
      auto tensor = [&](const Shape& of, const std::vector<double>& v) {
        return wide ? tensor_of<double>(context, of, v) : tensor_of<float>(context, of, v);
      };
      const double close = wide ? 1e-12 : 1e-5;
      const Tensor x = tensor(shape, values);
      const Tensor gamma = tensor({3}, {1, 2, -0.5});
      const Tensor beta = tensor({3}, {0, 1, 7});
      const Tensor mean = tensor({3}, {1, 2, 3});
      const Tensor var = tensor({3}, {4, 5, 6});
      const BatchNormOptions options{.eps = 1e-3, .momentum = 0.01, .correction = correction};
      const auto y = to_doubles(batch_norm(x, gamma, beta, mean, var, options));
      const auto running_mean = to_doubles(mean), running_var = to_doubles(var);
      for (size_t c = 0; c < 3; ++c) {
        const Moments m = moments_of(values, 3, c);
        const double g = to_doubles(gamma)[c], b = to_doubles(beta)[c];
        for (size_t i = c; i < y.size(); i += 3)
          REQUIRE(
              y[i] ==
              doctest::Approx((values[i] - m.mean) / std::sqrt(m.variance + 1e-3) * g + b).epsilon(close));
        const double unbiased =
            m.variance * 36.0 / (correction == VarianceCorrection::keras ? 35 - 1e-3 : 35.0);
        const double at = static_cast<double>(c);
        CHECK(running_mean[c] == doctest::Approx(0.99 * (1 + at) + 0.01 * m.mean).epsilon(close));
        CHECK(running_var[c] == doctest::Approx(0.99 * (4 + at) + 0.01 * unbiased).epsilon(close));
      }
      // Inference uses the running statistics and leaves them alone.
      BatchNormOptions inference = options;
      inference.training = false;
      const auto z = to_doubles(batch_norm(x, gamma, beta, mean, var, inference));
      CHECK(z[4] == doctest::Approx((values[4] - running_mean[1]) / std::sqrt(running_var[1] + 1e-3) * 2 + 1)
                        .epsilon(close));
      CHECK(to_doubles(mean) == running_mean);
      CHECK(to_doubles(var) == running_var);
    }
}

// Sums of squares of the raw values lose the variance here: 1e4² needs 27 bits, the spread sits below.
TEST_CASE("batch_norm: a large mean does not drown the variance") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Shape shape = {8, 25, 2};
    auto values = random_values(shape.count(), 6);
    for (double& v : values) v = static_cast<float>(1e4 + v);
    const Tensor one = Tensor::from(context, {2}, std::vector<float>{1, 1});
    const Tensor zero = Tensor::zeros(context, {2});
    const auto y =
        batch_norm(tensor_of<float>(context, shape, values), one, zero, zero.clone(), one.clone(), {})
            .to_vector<float>();
    for (size_t i = 0; i < y.size(); ++i) {
      const Moments m = moments_of(values, 2, i % 2);
      REQUIRE(std::abs(y[i] - (values[i] - m.mean) / std::sqrt(m.variance + 1e-5)) < 2e-3);
    }
  }
}

TEST_CASE("batch_norm: the same bits from run to run") {
  auto bits = [] {
    Context context(strict(Device::cpu, 3));
    const Shape shape = {5, 4001, 7};
    const Tensor x = tensor_of<float>(context, shape, random_values(shape.count(), 1)).set_requires_grad();
    Tensor gamma = tensor_of<float>(context, {7}, random_values(7, 2)).set_requires_grad();
    Tensor beta = tensor_of<float>(context, {7}, random_values(7, 3)).set_requires_grad();
    Tape tape(context);
    const Tensor y = normalised({x, gamma, beta}, {.relu = true});
    auto all = y.to_vector<float>();
    tape.backward(y, tensor_of<float>(context, shape, random_values(shape.count(), 4)));
    for (const Tensor* t : std::initializer_list<const Tensor*>{&x, &gamma, &beta}) {
      const auto g = t->grad().to_vector<float>();
      all.insert(all.end(), g.begin(), g.end());
    }
    return all;
  };
  const auto first = bits(), second = bits();
  CHECK(std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0);
}

TEST_CASE("batch_norm: NaN shows, and what does not fit is refused") {
  Context context(strict(Device::cpu));
  const Tensor one = Tensor::from(context, {2}, std::vector<float>{1, 1});
  const Tensor x = Tensor::from(context, {2, 2}, std::vector<float>{1, std::nanf(""), 3, 4});
  const auto y = batch_norm(x, one, one, one.clone(), one.clone(), {.relu = true}).to_vector<float>();
  CHECK(!std::isnan(y[0]));
  CHECK(std::isnan(y[1]));
  CHECK(std::isnan(y[3]));
  CHECK_THROWS_AS(batch_norm(one, one, one, one, one, {}), Error);
  CHECK_THROWS_AS(batch_norm(Tensor::zeros(context, {1, 2}), one, one, one, one, {}), Error);
  CHECK_THROWS_AS(batch_norm(Tensor::zeros(context, {4, 3}), one, one, one, one, {}), Error);
  CHECK(batch_norm(Tensor::zeros(context, {1, 2}), one, one, one, one, {.training = false}).count() == 2);
}
