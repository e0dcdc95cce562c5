// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/random.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/tests/support/devices.h"

namespace mellow::test {

using Inputs = std::vector<Tensor>;
using OpUnderTest = std::function<Tensor(const Inputs&)>;

struct CheckOptions {
  double gradient_tolerance = 1e-5;  // float64, against central differences, relative to max(1, |value|)
  // float32 on every device against float64 on the CPU, relative to the largest value.
  double f32_tolerance = 1e-4;
  double low = -1, high = 1;  // range of the random inputs
  double step = 1e-6;
  int64_t most_elements = 300;  // per input; larger inputs are sampled evenly
};

inline std::vector<double> random_values(int64_t count, uint64_t seed, double low = -1, double high = 1) {
  std::vector<double> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto words = random_words(seed, RandomStream::test, 0, i);
    values[i] = low + (high - low) * uniform_from(words[0], words[1]);
  }
  return values;
}

template <class T>
Tensor tensor_of(Context& context, const Shape& shape, const std::vector<double>& values) {
  return Tensor::from(context, shape, std::vector<T>(values.begin(), values.end()));
}

struct OpResult {
  std::vector<double> y;
  std::vector<std::vector<double>> gradients;
};

// y and, for an upstream gradient that depends on the element number alone, the gradient of every input.
// `uses` > 1 feeds each input through that many calls whose results are added: gradients must then add up.
template <class T>
OpResult run_op(Context& context, const OpUnderTest& op, const std::vector<Shape>& shapes,
                const std::vector<std::vector<double>>& values, int uses = 1) {
  Inputs leaves, inputs;
  Tape tape(context);
  for (size_t i = 0; i < shapes.size(); ++i) {
    leaves.push_back(tensor_of<T>(context, shapes[i], values[i]).set_requires_grad());
    inputs.push_back(scale(leaves.back(), 1.0));  // inner tensors: gradients go through slots, not leaves
  }
  Tensor y = op(inputs);
  for (int i = 1; i < uses; ++i) y = add(y, op(inputs));
  OpResult result{to_doubles(y), {}};
  tape.backward(y, tensor_of<T>(context, y.shape(), random_values(y.count(), 99)));
  for (const Tensor& leaf : leaves) result.gradients.push_back(to_doubles(leaf.grad()));
  return result;
}

inline void check_close(const std::vector<double>& got, const std::vector<double>& expected, double tolerance,
                        const char* what) {
  REQUIRE(got.size() == expected.size());
  double largest = 1;
  for (double e : expected) largest = std::max(largest, std::abs(e));
  for (size_t i = 0; i < got.size(); ++i) {
    INFO(what, ", element ", i, ": ", got[i], " should be ", expected[i]);
    REQUIRE(std::abs(got[i] - expected[i]) <= tolerance * largest);
  }
}

// One description of an op gives three checks: gradients against central differences in float64, float32 on
// every device against float64, and gradients that add up when a tensor is used twice. `op` must be smooth at
// the drawn inputs.
inline void check_op(const OpUnderTest& op, const std::vector<Shape>& shapes,
                     const CheckOptions& options = {}, std::vector<std::vector<double>> values = {}) {
  if (values.empty())
    for (size_t i = 0; i < shapes.size(); ++i)
      values.push_back(random_values(shapes[i].count(), 7 + i, options.low, options.high));
  Context reference(strict(Device::cpu));
  const OpResult exact = run_op<double>(reference, op, shapes, values);
  const std::vector<double> upstream = random_values(static_cast<int64_t>(exact.y.size()), 99);
  auto objective = [&](const std::vector<std::vector<double>>& at) {
    Inputs inputs;
    for (size_t i = 0; i < shapes.size(); ++i)
      inputs.push_back(tensor_of<double>(reference, shapes[i], at[i]));
    const auto y = to_doubles(op(inputs));
    double total = 0;
    for (size_t i = 0; i < y.size(); ++i) total += y[i] * upstream[i];
    return total;
  };
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto count = static_cast<int64_t>(values[i].size());
    const int64_t stride = std::max<int64_t>(1, count / options.most_elements);
    for (int64_t k = 0; k < count; k += stride) {
      auto moved = values;
      double& element = moved[i][static_cast<size_t>(k)];
      const double center = element;
      element = center + options.step;
      const double up = objective(moved);
      element = center - options.step;
      const double down = objective(moved);
      const double numeric = (up - down) / (2 * options.step);
      const double analytic = exact.gradients[i][static_cast<size_t>(k)];
      INFO("input ", i, " element ", k, ": backward gives ", analytic, ", differences give ", numeric);
      REQUIRE(std::abs(analytic - numeric) <=
              options.gradient_tolerance * std::max({1.0, std::abs(analytic), std::abs(numeric)}));
    }
  }
  const OpResult twice = run_op<double>(reference, op, shapes, values, 2);
  for (size_t i = 0; i < shapes.size(); ++i) {
    auto doubled = exact.gradients[i];
    for (double& g : doubled) g *= 2;
    check_close(twice.gradients[i], doubled, 1e-12, "gradient of an input used twice");
  }
  for (Device device : devices()) {
    CAPTURE(name_of(device));
    Context context(strict(device));
    const OpResult f32 = run_op<float>(context, op, shapes, values);
    check_close(f32.y, exact.y, options.f32_tolerance, "float32 result");
    for (size_t i = 0; i < shapes.size(); ++i)
      check_close(f32.gradients[i], exact.gradients[i], options.f32_tolerance, "float32 gradient");
  }
}

}  // namespace mellow::test
