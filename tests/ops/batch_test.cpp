// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>

#include <doctest/doctest.h>

#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/batch.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

std::vector<int32_t> order_of(int threads, uint64_t seed, uint64_t epoch, int64_t n) {
  Context context(strict(Device::cpu, threads));
  const Tensor order = Tensor::empty(context, {n}, DType::i32);
  shuffle(context.cpu(), seed, epoch, order);
  return order.to_vector<int32_t>();
}

std::vector<uint8_t> mask_of(int threads, const StepMaskOptions& options, const std::vector<float>& x,
                             const Shape& shape) {
  Context context(strict(Device::cpu, threads));
  const Tensor mask = Tensor::empty(context, {shape[0], shape[1]}, DType::u8);
  mask_missing(context.cpu(), Tensor::from(context, shape, x), options, mask);
  return mask.to_vector<uint8_t>();
}

}  // namespace

TEST_CASE("shuffle: a permutation by drawn keys, the same for any number of threads") {
  for (int64_t n : {1, 2, 257, 5000}) {
    const auto order = order_of(1, 3, 4, n);
    CHECK(order == order_of(3, 3, 4, n));
    std::vector<int32_t> sorted = order, all(static_cast<size_t>(n));
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0);
    CHECK(sorted == all);
    auto key = [](int32_t i) {
      const auto w = random_words(3, RandomStream::shuffle, 4, static_cast<uint64_t>(i));
      return (uint64_t{w[0]} << 32) | w[1];
    };
    for (size_t i = 1; i < order.size(); ++i) REQUIRE(key(order[i - 1]) < key(order[i]));
  }
  CHECK(order_of(1, 3, 4, 100) != order_of(1, 3, 5, 100));
  CHECK(order_of(1, 3, 4, 100) != order_of(1, 4, 4, 100));
}

TEST_CASE("next_batch: takes the next indices and moves on") {
  Context context(strict(Device::cpu));
  const Tensor order = Tensor::from(context, {5}, std::vector<int32_t>{4, 2, 0, 1, 3});
  const Tensor position = Tensor::zeros(context, {1}, DType::i64),
               step = Tensor::zeros(context, {1}, DType::i64);
  const Tensor index = Tensor::empty(context, {2}, DType::i32);
  next_batch(context.cpu(), order, position, step, index);
  CHECK(index.to_vector<int32_t>() == std::vector<int32_t>{4, 2});
  next_batch(context.cpu(), order, position, step, index);
  CHECK(index.to_vector<int32_t>() == std::vector<int32_t>{0, 1});
  CHECK(position.item<int64_t>() == 4);
  CHECK(step.item<int64_t>() == 2);
  CHECK_THROWS_AS(next_batch(context.cpu(), order, position, step, index), Error);
  CHECK(position.item<int64_t>() == 4);
}

TEST_CASE("gather: samples by index, repeats allowed") {
  for (int threads : {1, 4}) {
    Context context(strict(Device::cpu, threads));
    const Tensor x = Tensor::from(context, {3, 2, 1}, std::vector<double>{0, 1, 10, 11, 20, 21});
    const Tensor index = Tensor::from(context, {4}, std::vector<int32_t>{2, 0, 2, 1});
    const Tensor out = Tensor::empty(context, {4, 2, 1}, DType::f64);
    gather(context.cpu(), x, index, out);
    CHECK(out.to_vector<double>() == std::vector<double>{20, 21, 0, 1, 20, 21, 10, 11});
    CHECK_THROWS_AS(gather(context.cpu(), x, index, Tensor::empty(context, {3, 2, 1}, DType::f64)), Error);
    CHECK_THROWS_AS(gather(context.cpu(), x, index, Tensor::empty(context, {4, 2, 1})), Error);
    const Tensor outside = Tensor::from(context, {4}, std::vector<int32_t>{0, 3, 0, 0});
    CHECK_THROWS_AS(gather(context.cpu(), x, outside, out), Error);
  }
}

TEST_CASE("scatter: the way back, other samples stay") {
  for (Device device : devices())
    for (int threads : {1, 4}) {
      CAPTURE(name_of(device));
      Context context(strict(device, threads));
      const Tensor x = Tensor::from(context, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
      const Tensor index = Tensor::from(context, {2}, std::vector<int32_t>{3, 0});
      const Tensor out = Tensor::from(context, {4, 3}, std::vector<float>(12, -1));
      internal::on_device(context, [&](auto& backend) { scatter(backend, x, index, out); });
      CHECK(out.to_vector<float>() == std::vector<float>{4, 5, 6, -1, -1, -1, -1, -1, -1, 1, 2, 3});

      // A ragged, larger case: gather gives back what scatter put there.
      const int64_t samples = 301, batch = 97, width = 13;
      std::vector<int32_t> some(static_cast<size_t>(batch));
      for (size_t i = 0; i < some.size(); ++i) some[i] = static_cast<int32_t>(i * 3 + 1);
      const Tensor rows = tensor_of<float>(context, {batch, width}, random_values(batch * width, 4)),
                   all = Tensor::zeros(context, {samples, width}),
                   back = Tensor::empty(context, rows.shape()), at = Tensor::from(context, {batch}, some);
      internal::on_device(context, [&](auto& backend) {
        scatter(backend, rows, at, all);
        gather(backend, all, at, back);
      });
      CHECK(back.to_vector<float>() == rows.to_vector<float>());
      const auto full = all.to_vector<float>();
      CHECK(std::all_of(full.begin(), full.begin() + width, [](float v) { return v == 0; }));
    }
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {2, 3}), out = Tensor::zeros(context, {4, 3});
  const auto index = [&](std::vector<int32_t> values) {
    return Tensor::from(context, {static_cast<int64_t>(values.size())}, values);
  };
  CHECK_THROWS_AS(scatter(context.cpu(), x, index({0, 4}), out), Error);
  CHECK_THROWS_AS(scatter(context.cpu(), x, index({0, -1}), out), Error);
  CHECK_THROWS_AS(scatter(context.cpu(), x, index({0, 1, 2}), out), Error);
  CHECK_THROWS_AS(scatter(context.cpu(), x, index({0, 1}), Tensor::zeros(context, {4, 2})), Error);
}

TEST_CASE("gather_crops: windows in time, one offset per sample") {
  Context context(strict(Device::cpu, 3));
  const Tensor x = Tensor::from(context, {2, 4, 2},
                                std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17});
  const Tensor index = Tensor::from(context, {3}, std::vector<int32_t>{1, 0, 1});
  const Tensor offset = Tensor::from(context, {3}, std::vector<int32_t>{0, 1, 1});
  const Tensor out = Tensor::empty(context, {3, 2, 2});
  gather_crops(context.cpu(), x, index, offset, 1, out);
  CHECK(out.to_vector<float>() == std::vector<float>{12, 13, 14, 15, 4, 5, 6, 7, 14, 15, 16, 17});
  CHECK_THROWS_AS(gather_crops(context.cpu(), x, index, offset, 2, out), Error);
  CHECK_THROWS_AS(gather_crops(context.cpu(), x, index, offset, -1, out), Error);
  CHECK_THROWS_AS(gather_crops(context.cpu(), x, index, Tensor::zeros(context, {2}, DType::i32), 0, out),
                  Error);
}

TEST_CASE("mask_missing: steps with NaN are zeroed and masked") {
  Context context(strict(Device::cpu, 2));
  const float nan = std::nanf("");
  const Tensor x =
      Tensor::from(context, {2, 3, 2}, std::vector<float>{1, 2, nan, 4, 5, nan, nan, nan, 9, 10, 11, 12});
  const Tensor mask = Tensor::empty(context, {2, 3}, DType::u8);
  mask_missing(context.cpu(), x, {}, mask);
  CHECK(mask.to_vector<uint8_t>() == std::vector<uint8_t>{1, 0, 0, 0, 1, 1});
  CHECK(x.to_vector<float>() == std::vector<float>{1, 2, 0, 0, 0, 0, 0, 0, 9, 10, 11, 12});
  CHECK_THROWS_AS(mask_missing(context.cpu(), x, {}, Tensor::empty(context, {3, 2}, DType::u8)), Error);
}

TEST_CASE("mask_missing: keeps steps by their draw and leaves x alone") {
  const Shape shape = {20, 500, 1};
  const std::vector<float> x(static_cast<size_t>(shape.count()), 1.0f);
  const StepMaskOptions half{.keep = 0.5, .seed = 9, .draw = 3};
  const auto mask = mask_of(1, half, x, shape);
  CHECK(mask == mask_of(3, half, x, shape));
  CHECK(mask != mask_of(1, {.keep = 0.5, .seed = 9, .draw = 4}, x, shape));
  CHECK(mask != mask_of(1, {.keep = 0.5, .seed = 8, .draw = 3}, x, shape));
  for (size_t i = 0; i < mask.size(); ++i)
    REQUIRE(mask[i] == (uniform_from(random_words(9, RandomStream::mask, 3, i)[0]) < 0.5f));
  const auto kept = std::accumulate(mask.begin(), mask.end(), 0);
  CHECK(std::abs(kept - 5000) < 200);  // four standard deviations
}
