// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/core/tensor.h"
#include "mellow/tests/support/devices.h"

using namespace mellow;
using namespace mellow::test;

namespace {

Tensor counting(Context& context, const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return Tensor::from(context, shape, values);
}

}  // namespace

TEST_CASE("shape: dimensions, counts and limits") {
  const Shape s = {2, 3, 4};
  CHECK(s.rank() == 3);
  CHECK(s[-1] == 4);
  CHECK(s.count() == 24);
  CHECK(Shape{}.count() == 1);
  CHECK(text(s) == "[2, 3, 4]");
  CHECK(s != (Shape{2, 3}));
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1}), Error);
  CHECK_THROWS_AS((Shape{2, -1}), Error);
  CHECK_THROWS_WITH_AS(s[3], "[shape] no dimension 3 in [2, 3, 4]", Error);
  CHECK_THROWS_AS(s[-4], Error);
  CHECK_THROWS_AS((Shape{int64_t{1} << 62, 4}.count()), Error);
  Shape five = {1, 1, 1, 1, 1};
  CHECK_THROWS_AS(five.push_back(1), Error);
}

TEST_CASE("tensor: made from host values, read back") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor t = counting(context, {2, 3});
    CHECK(t.to_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(Tensor::zeros(context, {3}, DType::i64).to_vector<int64_t>() == std::vector<int64_t>{0, 0, 0});
    CHECK(Tensor::from(context, {1}, std::vector<uint8_t>{7}).item<uint8_t>() == 7);
    CHECK(t.is_contiguous());
    CHECK(t.stride(0) == 3);
    CHECK(t.stride(-1) == 1);
    CHECK_THROWS_AS(t.stride(70), Error);
    CHECK_THROWS_AS(t.dim(7), Error);
    CHECK(Tensor::zeros(context, {0, 3}).to_vector<float>().empty());
    CHECK_THROWS_AS(Tensor::from(context, {4}, std::vector<float>{1, 2, 3}), Error);
    CHECK_THROWS_AS(t.to_vector<double>(), Error);
    CHECK_THROWS_AS(t.data<int32_t>(), Error);
    CHECK_THROWS_AS(t.item<float>(), Error);
    CHECK_THROWS_AS(Tensor::empty(context, {int64_t{1} << 61, 2}), Error);
  }
}

TEST_CASE("tensor: an empty handle says so") {
  Tensor none;
  CHECK_FALSE(none.defined());
  CHECK_FALSE(static_cast<bool>(none));
  CHECK_THROWS_AS(none.shape(), Error);
  CHECK_THROWS_AS(none.dtype(), Error);
  CHECK_THROWS_AS(none.context(), Error);
  CHECK_THROWS_AS(none.raw_data(), Error);
  CHECK_THROWS_AS(none.stride(0), Error);
  CHECK_THROWS_AS(none.requires_grad(), Error);
  CHECK_THROWS_AS(none.set_requires_grad(), Error);
  CHECK_THROWS_AS(none.grad(), Error);
  CHECK_THROWS_AS(none.set_grad({}), Error);
  CHECK_THROWS_AS(check_rank("test", none, 1, "x [n]"), Error);
}

TEST_CASE("tensor: views and windows share elements") {
  Context context(strict(Device::cpu));
  const Tensor t = counting(context, {2, 3, 4});
  const Tensor flat = t.view({6, 4});
  CHECK(flat.raw_data() == t.raw_data());
  flat.data<float>()[0] = 99;
  CHECK(t.to_vector<float>()[0] == 99);

  const Tensor steps = t.window(1, 1, 3);
  CHECK(steps.shape() == (Shape{2, 2, 4}));
  CHECK(steps.data<float>()[0] == 4);
  CHECK(steps.stride(0) == 12);
  CHECK_FALSE(steps.is_contiguous());
  const Tensor channels = t.window(-1, 2, 3).window(0, 1, 2);
  CHECK(channels.data<float>()[0] == 14);
  CHECK(t.window(0, 1, 2).is_contiguous());  // whole samples lie together
  CHECK(t.window(0, 1, 2).to_vector<float>()[0] == 12);
  CHECK(t.window(1, 2, 2).count() == 0);
  CHECK(steps.window(0, 0, 1).is_contiguous());

  const Tensor second = t.select(1, 1);  // a step of every sample
  CHECK(second.shape() == (Shape{2, 4}));
  CHECK(second.stride(0) == 12);
  CHECK(second.data<float>()[12] == 16);
  CHECK(t.select(-1, 3).stride(1) == 4);
  CHECK(t.select(0, 1).to_vector<float>()[0] == 12);

  CHECK_THROWS_AS(t.view({5, 5}), Error);
  CHECK_THROWS_AS(steps.view({16}), Error);
  CHECK_THROWS_AS(t.window(3, 0, 1), Error);
  CHECK_THROWS_AS(t.window(-4, 0, 1), Error);
  CHECK_THROWS_AS(t.select(3, 0), Error);
  CHECK_THROWS_AS(t.select(1, 3), Error);
  CHECK_THROWS_AS(t.window(1, -1, 2), Error);
  CHECK_THROWS_AS(t.window(1, 2, 4), Error);
  CHECK_THROWS_AS(t.window(1, 2, 1), Error);
  CHECK_THROWS_AS(steps.to_vector<float>(), Error);
  CHECK_THROWS_AS(steps.zero(), Error);
  CHECK_THROWS_AS(steps.clone(), Error);
}

TEST_CASE("tensor: rebind moves every copy of a handle to another place") {
  Context context(strict(Device::cpu));
  const Tensor flat = counting(context, {10});
  Tensor weight = Tensor::zeros(context, {2, 2});
  const Tensor copy = weight;
  weight.rebind(flat.window(0, 3, 7).view({2, 2}));
  CHECK(copy.to_vector<float>() == std::vector<float>{3, 4, 5, 6});
  copy.data<float>()[0] = -1;
  CHECK(flat.to_vector<float>()[3] == -1);
  CHECK_THROWS_AS(weight.rebind(flat), Error);
  CHECK_THROWS_AS(weight.rebind(Tensor::zeros(context, {2, 2}, DType::f64)), Error);
}

TEST_CASE("tensor: copies") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor a = counting(context, {2, 2});
    const Tensor b = a.clone();
    CHECK(b != a);
    CHECK(b.raw_data() != a.raw_data());
    a.zero();
    CHECK(b.to_vector<float>() == std::vector<float>{0, 1, 2, 3});
    a.copy_from(b);
    CHECK(a.to_vector<float>() == std::vector<float>{0, 1, 2, 3});
    const std::vector<float> host = {5, 6, 7, 8};
    a.copy_from(std::as_bytes(std::span(host)));
    CHECK(a.to_vector<float>() == host);
    CHECK_THROWS_AS(a.copy_from(counting(context, {4})), Error);
    CHECK_THROWS_AS(a.copy_from(Tensor::zeros(context, {2, 2}, DType::f64)), Error);
    CHECK_THROWS_AS(a.copy_from(std::as_bytes(std::span(host).first(3))), Error);
    Context other(strict(device));
    CHECK_THROWS_AS(a.copy_from(counting(other, {2, 2})), Error);
  }
}

TEST_CASE("tensor: gradients have the shape and type of their tensor") {
  Context context(strict(Device::cpu));
  Tensor t = counting(context, {3});
  CHECK_FALSE(t.requires_grad());
  const Tensor copy = t;
  t.set_requires_grad();
  CHECK(copy.requires_grad());
  CHECK_FALSE(t.clone().requires_grad());
  CHECK_FALSE(t.view({3, 1}).requires_grad());
  CHECK_THROWS_AS(t.set_grad(counting(context, {4})), Error);
  CHECK_THROWS_AS(t.set_grad(Tensor::zeros(context, {3}, DType::f64)), Error);
  t.set_grad(counting(context, {3}));
  CHECK(copy.grad().to_vector<float>() == std::vector<float>{0, 1, 2});
  t.set_grad({});
  CHECK_FALSE(copy.grad().defined());
}

TEST_CASE("context: options are checked") {
  CHECK_THROWS_AS(Context({.threads = -1}), Error);
  CHECK_THROWS_AS(Context({.precision = Precision::tf32}), Error);
  CHECK(Context().threads() >= 1);
  CHECK(is_usable(Device::cpu));
}
