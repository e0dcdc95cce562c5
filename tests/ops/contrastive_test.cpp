// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/contrastive.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// One term by the definition: groups of 2 half rows, the positive of a row is half rows away.
double term(const std::vector<std::vector<std::vector<double>>>& groups) {
  double sum = 0, anchors = 0;
  for (const auto& rows : groups) {
    const size_t half = rows.size() / 2;
    for (size_t i = 0; i < rows.size(); ++i) {
      double others = 0, positive = 0;
      for (size_t j = 0; j < rows.size(); ++j) {
        double s = 0;
        for (size_t c = 0; c < rows[i].size(); ++c) s += rows[i][c] * rows[j][c];
        if (j != i) others += std::exp(s);
        if (j == (i < half ? i + half : i - half)) positive = s;
      }
      sum += std::log(others) - positive;
      anchors += 1;
    }
  }
  return sum / anchors;
}

using Series = std::vector<std::vector<std::vector<double>>>;  // [batch][length][dims]

Series series_of(const std::vector<double>& values, const Shape& shape) {
  Series z(static_cast<size_t>(shape[0]));
  auto at = values.begin();
  for (auto& steps : z)
    for (int64_t t = 0; t < shape[1]; ++t, at += shape[2]) steps.emplace_back(at, at + shape[2]);
  return z;
}

Series halved(const Series& z) {
  Series y(z.size());
  for (size_t b = 0; b < z.size(); ++b)
    for (size_t t = 0; t + 1 < z[b].size(); t += 2) {
      y[b].push_back(z[b][t]);
      for (size_t c = 0; c < y[b].back().size(); ++c) y[b].back()[c] = std::max(z[b][t][c], z[b][t + 1][c]);
    }
  return y;
}

double by_definition(Series z1, Series z2, const ContrastiveOptions& o) {
  double loss = 0, levels = 0;
  for (;; z1 = halved(z1), z2 = halved(z2)) {
    const size_t length = z1[0].size();
    Series steps(length), whole;
    for (const Series* z : {&z1, &z2})
      for (const auto& row : *z)
        for (size_t t = 0; t < length; ++t) steps[t].push_back(row[t]);
    for (size_t b = 0; b < z1.size(); ++b) {
      whole.push_back(z1[b]);
      whole.back().insert(whole.back().end(), z2[b].begin(), z2[b].end());
    }
    if (z1.size() > 1) loss += o.alpha * term(steps);
    if (length > 1 && levels >= static_cast<double>(o.temporal_unit)) loss += (1 - o.alpha) * term(whole);
    levels += 1;
    if (length == 1) return loss / levels;
  }
}

}  // namespace

TEST_CASE("hierarchical contrastive loss has the specification's value") {
  const std::vector<double> a = {1, 0, 0, 1, 1, 1, 0, 0, 1, -1, 0, 1, 1, 0, -1, 0, 0, -1, 1, 1};
  const std::vector<double> b = {1, .5, 0, 1, 1, 0, .5, 0, 1, -1, 0, 1, 1, .5, -1, .5, 0, -1, 0, 1};
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor z1 = tensor_of<float>(context, {2, 5, 2}, a), z2 = tensor_of<float>(context, {2, 5, 2}, b);
    CHECK(std::abs(to_doubles(hierarchical_contrastive(z1, z2))[0] - 0.869086) < 1e-6);
  }
  CHECK(std::abs(by_definition(series_of(a, {2, 5, 2}), series_of(b, {2, 5, 2}), {}) - 0.869086) < 1e-6);
}

TEST_CASE("hierarchical contrastive: value, gradients and devices") {
  struct Case {
    Shape shape;
    ContrastiveOptions options;
  };
  for (const Case& c :
       {Case{{2, 5, 2}, {}}, Case{{1, 6, 3}, {}}, Case{{3, 1, 4}, {}}, Case{{1, 1, 3}, {}},
        Case{{4, 13, 7}, {.alpha = .3}}, Case{{2, 8, 5}, {.temporal_unit = 1}}, Case{{2, 9, 3}, {.alpha = 1}},
        Case{{2, 9, 3}, {.alpha = 0, .temporal_unit = 2}}, Case{{2, 70, 3}, {}}, Case{{2, 141, 2}, {}}}) {
    CAPTURE(c.shape);
    auto op = [&](const Inputs& in) { return hierarchical_contrastive(in[0], in[1], c.options); };
    check_op(op, {c.shape, c.shape}, {.f32_tolerance = 1e-5, .low = -2, .high = 2});
    Context context(strict(Device::cpu));
    const auto a = random_values(c.shape.count(), 3, -2, 2), b = random_values(c.shape.count(), 4, -2, 2);
    const double got =
        to_doubles(op({tensor_of<double>(context, c.shape, a), tensor_of<double>(context, c.shape, b)}))[0];
    CHECK(got == doctest::Approx(by_definition(series_of(a, c.shape), series_of(b, c.shape), c.options))
                     .epsilon(1e-12));
  }
}

TEST_CASE("hierarchical contrastive: long series in panels give what whole groups give") {
  // 140 steps make groups of 280 rows: above one panel, and with one series fewer groups than threads.
  const Shape shape = {1, 140, 4};
  check_op([](const Inputs& in) { return hierarchical_contrastive(in[0], in[1]); }, {shape, shape},
           {.f32_tolerance = 1e-5, .most_elements = 40});
  const auto a = random_values(shape.count(), 1), b = random_values(shape.count(), 2);
  std::vector<std::vector<double>> results;
  for (int threads : {1, 2}) {
    Context context(strict(Device::cpu, threads));
    Tensor z1 = tensor_of<float>(context, shape, a).set_requires_grad(),
           z2 = tensor_of<float>(context, shape, b);
    Tape tape(context);
    tape.backward(hierarchical_contrastive(z1, z2));
    results.push_back(to_doubles(z1.grad()));
  }
  check_close(results[1], results[0], 1e-7, "gradient with two threads");
}

TEST_CASE("hierarchical contrastive: of equal neighbours the first gets the gradient") {
  for (Device device : devices()) {
    Context context(strict(device));
    Tensor z1 = tensor_of<float>(context, {2, 2, 1}, {1, 1, 2, 2}).set_requires_grad();
    const Tensor z2 = tensor_of<float>(context, {2, 2, 1}, {.5, .5, 1, 1});
    Tape tape(context);
    tape.backward(hierarchical_contrastive(z1, z2, {.temporal_unit = 1}));
    const auto g = to_doubles(z1.grad());
    // Level 0 gives both steps the same, 1/2 of a mean over two steps; the pooled level gives it all to the
    // first.
    CHECK(g[0] == doctest::Approx(3 * g[1]));
    CHECK(g[2] == doctest::Approx(3 * g[3]));
    CHECK(g[1] != 0);
  }
}

TEST_CASE("hierarchical contrastive stays finite for large similarities") {
  for (Device device : devices()) {
    Context context(strict(device));
    auto values = random_values(2 * 6 * 8, 5, -40, 40);
    Tensor z1 = tensor_of<float>(context, {2, 6, 8}, values).set_requires_grad();
    const Tensor z2 = tensor_of<float>(context, {2, 6, 8}, random_values(2 * 6 * 8, 6, -40, 40));
    Tape tape(context);
    const Tensor loss = hierarchical_contrastive(z1, z2);
    tape.backward(loss);
    CHECK(std::isfinite(to_doubles(loss)[0]));
    for (double g : to_doubles(z1.grad())) REQUIRE(std::isfinite(g));
  }
}

TEST_CASE("hierarchical contrastive never holds the similarities of a long series") {
  Context context(strict(Device::cpu));
  const Shape shape = {2, 2000, 16};
  Tensor z1 = tensor_of<float>(context, shape, random_values(shape.count(), 1)).set_requires_grad();
  const Tensor z2 = tensor_of<float>(context, shape, random_values(shape.count(), 2));
  Tape tape(context);
  tape.backward(hierarchical_contrastive(z1, z2));
  CHECK(context.memory().peak < 12000000);  // one series' 4000 x 4000 floats are 64 MB
}

TEST_CASE("hierarchical contrastive names what does not fit") {
  Context context(strict(Device::cpu));
  const Tensor z = Tensor::zeros(context, {2, 4, 3});
  CHECK_THROWS_AS(hierarchical_contrastive(z, Tensor::zeros(context, {2, 5, 3})), Error);
  CHECK_THROWS_AS(hierarchical_contrastive(z, Tensor::zeros(context, {2, 4, 3}, DType::f64)), Error);
  CHECK_THROWS_AS(hierarchical_contrastive(z, z, {.alpha = 1.5}), Error);
}
