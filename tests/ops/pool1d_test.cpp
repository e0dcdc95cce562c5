// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pool1d.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

struct Case {
  Shape x;
  Pool1dOptions options;
};
const std::vector<Case> cases = {
    {{2, 7, 3}, {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1}},
    {{1, 1, 1}, {.width = 1, .stride = 1}},
    {{1, 1, 2}, {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1}},
    {{3, 8, 1}, {.width = 2, .stride = 2}},
    {{2, 9, 70}, {.width = 4, .stride = 3, .pad_left = 3, .pad_right = 2}},
    {{1, 5, 2}, {.width = 2, .stride = 4, .pad_left = 0, .pad_right = 1}},
    {{1, 6, 2}, {.width = 6, .stride = 1, .pad_left = 5, .pad_right = 5}},
    {{2, 10, 4}, {.width = 3, .stride = 2, .pad_left = 1, .pad_right = 0, .count_padding = false}},
};

// The definition, element by element.
std::vector<double> pooled_directly(const std::vector<double>& x, const Case& c, bool max) {
  const Pool1dOptions& o = c.options;
  const int64_t length = c.x[1], channels = c.x[2];
  const int64_t out_length = (length + o.pad_left + o.pad_right - o.width) / o.stride + 1;
  std::vector<double> y;
  for (int64_t b = 0; b < c.x[0]; ++b)
    for (int64_t s = 0; s < out_length; ++s)
      for (int64_t k = 0; k < channels; ++k) {
        double best = -INFINITY, total = 0;
        int64_t real = 0;
        for (int64_t t = s * o.stride - o.pad_left; t < s * o.stride - o.pad_left + o.width; ++t) {
          if (t < 0 || t >= length) continue;
          const double v = x[static_cast<size_t>((b * length + t) * channels + k)];
          best = std::max(best, v);
          total += v;
          ++real;
        }
        y.push_back(max ? best : total / static_cast<double>(o.count_padding ? o.width : real));
      }
  return y;
}

}  // namespace

TEST_CASE("pool1d: values follow the definition") {
  for (const Case& c : cases) {
    CAPTURE(c.x);
    CAPTURE(c.options.width);
    for (Device device : devices()) {
      Context context(strict(device));
      const auto values = random_values(c.x.count(), 8);
      const bool wide = device == Device::cpu;  // CUDA computes on float32 alone
      const Tensor x =
          wide ? tensor_of<double>(context, c.x, values) : tensor_of<float>(context, c.x, values);
      check_close(to_doubles(max_pool1d(x, c.options)), pooled_directly(values, c, true), wide ? 0 : 1e-7,
                  "max");
      check_close(to_doubles(avg_pool1d(x, c.options)), pooled_directly(values, c, false),
                  wide ? 1e-15 : 1e-6, "average");
    }
  }
}

TEST_CASE("pool1d: gradients") {
  for (const Case& c : cases) {
    CAPTURE(c.x);
    CAPTURE(c.options.width);
    check_op([&](const Inputs& in) { return max_pool1d(in[0], c.options); }, {c.x});
    check_op([&](const Inputs& in) { return avg_pool1d(in[0], c.options); }, {c.x});
  }
  const Pool1dOptions& same = cases[0].options;
  for (const auto& [shape, before] : {std::pair{Shape{2, 7, 3}, 1}, {Shape{2, 7, 8}, 4}}) {
    check_op(through_windows([&](const Inputs& in) { return max_pool1d(in[0], same); }, before), {shape});
    check_op(through_windows([&](const Inputs& in) { return avg_pool1d(in[0], same); }, before), {shape});
  }
}

TEST_CASE("max_pool1d: ties go to the first step, NaN is passed on, padding never wins") {
  Context context(strict(Device::cpu));
  const float nan = std::nanf("");
  const Tensor x =
      Tensor::from(context, {1, 5, 1}, std::vector<float>{-3, -3, -5, nan, -1}).set_requires_grad();
  Tape tape(context);
  const Tensor y = max_pool1d(x, {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1});
  const auto values = y.to_vector<float>();
  CHECK(values[0] == -3);
  CHECK(values[1] == -3);
  for (size_t i : {2, 3, 4}) CHECK(std::isnan(values[i]));
  tape.backward(y, Tensor::from(context, {1, 5, 1}, std::vector<float>{1, 2, 4, 8, 16}));
  CHECK(x.grad().to_vector<float>() == std::vector<float>{3, 0, 0, 28, 0});
}

TEST_CASE("pool1d: what does not fit is refused") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {2, 4, 3});
  for (auto pool : {max_pool1d, avg_pool1d}) {
    CHECK_THROWS_AS(pool(x, {.width = 0}), Error);
    CHECK_THROWS_AS(pool(x, {.width = 256}), Error);
    CHECK_THROWS_AS(pool(x, {.width = 2, .stride = 0}), Error);
    CHECK_THROWS_AS(pool(x, {.width = 2, .pad_left = 2}), Error);
    CHECK_THROWS_AS(pool(x, {.width = 2, .pad_right = -1}), Error);
    CHECK_THROWS_AS(pool(x, {.width = 5}), Error);
    CHECK_THROWS_AS(pool(Tensor::zeros(context, {4, 3}), {}), Error);
    CHECK(pool(Tensor::zeros(context, {0, 4, 3}), {}).shape() == (Shape{0, 2, 3}));
  }
}
