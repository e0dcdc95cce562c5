// SPDX-License-Identifier: MIT
#include <cstring>

#include "mellow/engine/ops/reduce.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

const std::vector<Shape> ragged = {{2, 5, 3}, {1, 1, 1}, {3, 1, 2}, {1, 9, 1}, {2, 4, 70}};

}  // namespace

TEST_CASE("reduce: gradients") {
  for (const Shape& shape : ragged) {
    CAPTURE(shape);
    check_op([](const Inputs& in) { return mean_over_time(in[0]); }, {shape});
    check_op([](const Inputs& in) { return max_over_time(in[0]); }, {shape});
    check_op([](const Inputs& in) { return sum(in[0]); }, {shape});
    check_op([](const Inputs& in) { return mean(in[0]); }, {shape});
  }
}

TEST_CASE("reduce: windows as inputs, gradients and sums") {
  // x is used twice, so the reduction's gradient is added to a window of the concatenation's.
  for (auto reduce : {mean_over_time, max_over_time, sum, mean}) {
    check_op(
        [reduce](const Inputs& in) {
          const Tensor x = as_window(in[0]);
          const Tensor r = reduce(x);
          const Tensor doubled = r.rank() == 2 ? concatenate(std::vector<Tensor>{r, r}) : r;
          const Tensor parts[] = {x, x};
          const Tensor all = concatenate(parts);
          return concatenate(
              std::vector<Tensor>{reshape(all, {all.count()}), reshape(doubled, {doubled.count()})});
        },
        {{2, 5, 3}});
  }
}

TEST_CASE("max_over_time: ties go to the first step, NaN is passed on") {
  Context context(strict(Device::cpu));
  const float nan = std::nanf("");
  const Tensor x = Tensor::from(context, {1, 3, 3}, std::vector<float>{2, 1, nan, 2, nan, 5, 1, 3, nan})
                       .set_requires_grad();
  Tape tape(context);
  const Tensor y = max_over_time(x);
  const auto values = y.to_vector<float>();
  CHECK(values[0] == 2);
  CHECK(std::isnan(values[1]));
  CHECK(std::isnan(values[2]));
  tape.backward(y, Tensor::from(context, {1, 3}, std::vector<float>{1, 2, 3}));
  CHECK(x.grad().to_vector<float>() == std::vector<float>{1, 0, 3, 0, 2, 0, 0, 0, 0});
}

TEST_CASE("sum: exact for whole numbers, the same bits for any number of threads") {
  const int64_t n = 100003;
  const auto values = random_values(n, 4);
  std::vector<float> got;
  for (int threads : {1, 2, 5}) {
    Context context(strict(Device::cpu, threads));
    got.push_back(sum(tensor_of<float>(context, {n}, values)).item<float>());
    std::vector<double> numbers(static_cast<size_t>(n));
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i);
    CHECK(sum(Tensor::from(context, {n}, numbers)).item<double>() == static_cast<double>(n * (n - 1) / 2));
  }
  CHECK(std::memcmp(&got[0], &got[1], sizeof(float)) == 0);
  CHECK(std::memcmp(&got[0], &got[2], sizeof(float)) == 0);
}

TEST_CASE("reduce: what does not fit is refused") {
  Context context(strict(Device::cpu));
  for (auto reduce : {mean_over_time, max_over_time}) {
    CHECK_THROWS_AS(reduce(Tensor::zeros(context, {2, 3})), Error);
    CHECK_THROWS_AS(reduce(Tensor::zeros(context, {2, 0, 3})), Error);
    CHECK(reduce(Tensor::zeros(context, {0, 4, 3})).shape() == (Shape{0, 3}));
  }
  CHECK(sum(Tensor::zeros(context, {0, 3})).item<float>() == 0);
  CHECK_THROWS_AS(mean(Tensor::zeros(context, {0, 3})), Error);
}
