// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/internal/small_mlp.h"
#include "mellow/engine/ops/matmul.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/engine/ops/softmax.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;
using internal::SmallMlp;

namespace {

std::vector<float> floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }
std::vector<double> doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

struct Reference {
  std::vector<double> logits, gradient;  // the gradient in the order of SmallMlp::parameters()
};

// The same network on the engine's tape, in double.
Reference on_tape(const std::vector<int64_t>& widths, const std::vector<double>& parameters,
                  const std::vector<double>& x, const std::vector<double>& targets, int64_t rows) {
  Context context;
  Tape tape(context);
  std::vector<Tensor> leaves;
  Tensor h = tensor_of<double>(context, {rows, widths.front()}, x);
  auto next = parameters.begin();
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    const auto leaf = [&](const Shape& shape) {
      leaves.push_back(tensor_of<double>(context, shape, {next, next + shape.count()}));
      next += shape.count();
      return leaves.back().set_requires_grad();
    };
    const Tensor weight = leaf({widths[i + 1], widths[i]}), bias = leaf({widths[i + 1]});
    h = linear(h, weight, bias);
    if (i + 2 < widths.size()) h = relu(h);
  }
  Reference out{to_doubles(h), {}};
  const Tensor q = tensor_of<double>(context, {rows, widths.back()}, targets);
  tape.backward(scale(sum(multiply(q, log_softmax(h))), -1.0 / static_cast<double>(rows)));
  for (const Tensor& leaf : leaves) {
    const auto g = to_doubles(leaf.grad());
    out.gradient.insert(out.gradient.end(), g.begin(), g.end());
  }
  return out;
}

std::vector<double> soft_targets(int64_t rows, int64_t classes, uint64_t seed) {
  auto q = random_values(rows * classes, seed, 0.01, 1);
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
    const auto row = std::span(q).subspan(r * static_cast<size_t>(classes), static_cast<size_t>(classes));
    double total = 0;
    for (const double v : row) total += v;
    for (double& v : row) v /= total;
  }
  return q;
}

double largest_gap(const std::vector<float>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double gap = 0, size = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    gap = std::max(gap, std::abs(static_cast<double>(got[i]) - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  return gap / size;
}

}  // namespace

TEST_CASE("small_mlp: logits and gradient are those of the tape, in float32") {
  struct Case {
    std::vector<int64_t> widths;
    int64_t batch, rows;
  };
  const Case cases[] = {{{2, 64, 64, 64, 64, 64, 3}, 32, 32},
                        {{2, 64, 64, 64, 64, 64, 3}, 32, 22},
                        {{1, 1}, 1, 1},
                        {{3, 5, 2}, 7, 3},
                        {{7, 33, 12, 20, 17}, 50, 41},
                        {{2, 100, 70, 40}, 70, 65}};
  for (const auto& [widths, batch, rows] : cases) {
    CAPTURE(widths.size());
    CAPTURE(rows);
    SmallMlp network(widths, batch);
    const auto p = floats(random_values(network.parameter_count(), 1, -0.3, 0.3));
    const auto x = floats(random_values(rows * widths.front(), 2, -3, 3));
    const auto q = floats(soft_targets(rows, widths.back(), 3));
    network.set_parameters(p);
    CHECK(network.parameters() == p);
    const Reference expected = on_tape(widths, doubles(p), doubles(x), doubles(q), rows);
    std::vector<float> z(static_cast<size_t>(rows * widths.back()));
    network.logits(x, rows, z.data());
    CHECK(largest_gap(z, expected.logits) < 1e-5);
    network.gradient(x, q, rows);
    if (widths.back() > 1) CHECK(largest_gap(network.last_gradient(), expected.gradient) < 1e-5);
    const auto once = network.last_gradient();
    network.gradient(x, q, rows);
    CHECK(network.last_gradient() == once);
  }
}

TEST_CASE("small_mlp: ten Adam steps follow the formula in double") {
  const std::vector<int64_t> widths = {3, 20, 9, 4};
  constexpr int64_t rows = 13;
  constexpr double lr = 0.01, beta1 = 0.9, beta2 = 0.999;
  SmallMlp network(widths, rows);
  const auto start = floats(random_values(network.parameter_count(), 5, -0.4, 0.4));
  const auto x = floats(random_values(rows * 3, 6, -2, 2));
  const auto q = floats(soft_targets(rows, 4, 7));
  network.set_parameters(start);
  auto w = doubles(start);
  std::vector<double> m(w.size()), v(w.size());
  for (int64_t step = 1; step <= 10; ++step) {
    network.gradient(x, q, rows);
    network.adam(lr, step);
    const auto g = on_tape(widths, w, doubles(x), doubles(q), rows).gradient;
    for (size_t i = 0; i < w.size(); ++i) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      const double m_hat = m[i] / (1 - std::pow(beta1, step)), v_hat = v[i] / (1 - std::pow(beta2, step));
      w[i] -= lr * m_hat / (std::sqrt(v_hat) + 1e-8);
    }
  }
  CHECK(largest_gap(network.parameters(), w) < 1e-4);
}

TEST_CASE("small_mlp: snapshots bring the same logits back; wrong sizes are refused") {
  const std::vector<int64_t> widths = {2, 8, 3};
  SmallMlp network(widths, 4);
  network.set_parameters(floats(random_values(network.parameter_count(), 8)));
  const auto x = floats(random_values(2 * 150, 9));
  std::vector<float> before(450), after(450), snapshot;
  network.logits(x, 150, before.data());
  network.save(snapshot);
  network.gradient(std::span(x).first(8), floats(soft_targets(4, 3, 1)), 4);
  network.adam(0.1, 1);
  network.logits(x, 150, after.data());
  CHECK(before != after);
  network.restore(snapshot);
  network.logits(x, 150, after.data());
  CHECK(before == after);

  CHECK_THROWS_WITH_AS(network.set_parameters(std::vector<float>(3)), "[small_mlp] has 51 parameters, got 3",
                       Error);
  CHECK_THROWS_AS(network.gradient(x, x, 150), Error);
  CHECK_THROWS_AS(network.restore(std::vector<float>(2)), Error);
  CHECK_THROWS_AS(SmallMlp(std::vector<int64_t>{2}, 4), Error);
  CHECK_THROWS_AS(SmallMlp(std::vector<int64_t>{2, 0, 3}, 4), Error);
}
