// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/class_distance.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// The definition, term by term.
std::vector<double> by_definition(const std::vector<double>& x, const std::vector<int32_t>& labels,
                                  size_t classes) {
  const size_t samples = labels.size(), dims = x.size() / samples;
  std::vector<double> sums(samples * classes), members(classes);
  for (int32_t label : labels) members[static_cast<size_t>(label)] += 1;
  for (size_t i = 0; i < samples; ++i)
    for (size_t j = 0; j < samples; ++j) {
      double square = 0;
      for (size_t c = 0; c < dims; ++c) square += std::pow(x[i * dims + c] - x[j * dims + c], 2);
      const auto n = static_cast<size_t>(labels[j]);
      sums[i * classes + n] += std::sqrt(square) / members[n];
    }
  return sums;
}

// float32 holds fewer digits than the generator gives: compare on the values it has.
std::vector<double> as_float(std::vector<double> values) {
  for (double& v : values) v = static_cast<float>(v);
  return values;
}

std::vector<int32_t> labels_for(int64_t samples, int64_t classes) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < samples; ++i)
    labels.push_back(static_cast<int32_t>(i < classes ? i : (i * i + 3) % classes));
  return labels;
}

void check_each(const std::vector<double>& got, const std::vector<double>& expected, double relative) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    INFO("element ", i, ": ", got[i], " should be ", expected[i]);
    REQUIRE(std::abs(got[i] - expected[i]) <= relative * expected[i]);
  }
}

}  // namespace

TEST_CASE("class distances agree with the definition on ragged sizes") {
  struct Sizes {
    int64_t samples, dims, classes;
  };
  for (const Sizes& s :
       {Sizes{1, 1, 1}, Sizes{2, 3, 2}, Sizes{65, 7, 3}, Sizes{130, 320, 10}, Sizes{700, 17, 60}}) {
    CAPTURE(s.samples);
    const auto x = as_float(random_values(s.samples * s.dims, 3, -2, 5));
    const auto labels = labels_for(s.samples, s.classes);
    const auto expected = by_definition(x, labels, static_cast<size_t>(s.classes));
    for (Device device : devices()) {
      Context context(strict(device));
      const Tensor y = Tensor::from(context, {s.samples}, labels);
      check_each(to_doubles(class_distances(tensor_of<float>(context, {s.samples, s.dims}, x), y, s.classes)),
                 expected, 1e-5);
    }
    Context context(strict(Device::cpu));
    const Tensor y = Tensor::from(context, {s.samples}, labels);
    check_each(to_doubles(class_distances(tensor_of<double>(context, {s.samples, s.dims}, x), y, s.classes)),
               expected, 1e-12);
  }
}

TEST_CASE("class distances stay accurate for close samples far from the origin") {
  // Two clumps: within a clump distances are 1e-3 of the norm, and the norm itself is 1e4 from the origin.
  const int64_t samples = 150, dims = 40;
  auto x = random_values(samples * dims, 11, -0.05, 0.05);
  for (int64_t i = 0; i < samples; ++i)
    for (int64_t c = 0; c < dims; ++c) x[static_cast<size_t>(i * dims + c)] += i % 2 == 0 ? 1e4 : 1e4 - 30;
  x = as_float(x);
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < samples; ++i) labels.push_back(static_cast<int32_t>(i % 2));
  const auto expected = by_definition(x, labels, 2);
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor y = Tensor::from(context, {samples}, labels);
    check_each(to_doubles(class_distances(tensor_of<float>(context, {samples, dims}, x), y, 2)), expected,
               1e-5);
  }
}

TEST_CASE("duplicates are at distance exactly 0") {
  for (Device device : devices()) {
    Context context(strict(device));
    std::vector<double> x;
    for (int i = 0; i < 5; ++i)
      for (double v : {1e4 + .1, -3.7, 1e-3}) x.push_back(v);
    for (double v : {1e4 + .1, -3.7, 4.001}) x.push_back(v);
    const Tensor y = Tensor::from(context, {6}, std::vector<int32_t>{0, 0, 0, 1, 1, 2});
    const auto d = to_doubles(class_distances(tensor_of<float>(context, {6, 3}, x), y, 3));
    for (size_t i = 0; i < 5; ++i) {
      CHECK(d[i * 3] == 0);
      CHECK(d[i * 3 + 1] == 0);
      CHECK(d[i * 3 + 2] == doctest::Approx(4));
    }
    CHECK(d[17] == 0);
  }
}

TEST_CASE("class distances: same bytes again, and for every number of threads") {
  const auto x = random_values(333 * 50, 4);
  const auto labels = labels_for(333, 7);
  std::vector<double> first;
  for (int threads : {1, 2, 3, 1}) {
    Context context(strict(Device::cpu, threads));
    const auto d = to_doubles(
        class_distances(tensor_of<float>(context, {333, 50}, x), Tensor::from(context, {333}, labels), 7));
    if (first.empty()) first = d;
    CHECK(d == first);
  }
}

TEST_CASE("class distances never hold samples x samples") {
  Context context(strict(Device::cpu, 1));
  const Tensor x = tensor_of<float>(context, {3000, 2}, random_values(6000, 1));
  class_distances(x, Tensor::from(context, {3000}, labels_for(3000, 2)), 2);
  CHECK(context.memory().peak < 1000000);  // 3000 x 3000 floats are 36 MB
}

TEST_CASE("class distances name what does not fit") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {2, 3});
  CHECK_THROWS_WITH_AS(class_distances(x, Tensor::from(context, {2}, std::vector<int32_t>{0, 2}), 3),
                       "[class_distances] class 1 has no samples: every class needs at least one", Error);
  CHECK_THROWS_AS(class_distances(x, Tensor::from(context, {2}, std::vector<int32_t>{0, 2}), 2), Error);
  CHECK_THROWS_AS(class_distances(x, Tensor::from(context, {3}, std::vector<int32_t>{0, 1, 0}), 2), Error);
}
