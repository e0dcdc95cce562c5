// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/nn/flat_parameters.h"
#include "mellow/tests/support/devices.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// Two parts, each with a weight and a buffer.
class Part final : public Module {
 public:
  explicit Part(const ModuleOptions& options) : Module(options) {
    weight = parameter("weight", {3}, constant(1));
    mean = buffer("mean", {2}, 4);
  }
  Tensor weight, mean;
};

class Pair final : public Module {
 public:
  explicit Pair(Context& context, std::string second = "b")
      : Module({&context}), a(child<Part>("a")), b(child<Part>(std::move(second))) {}
  Part &a, &b;
};

// Says one name twice among its own arrays.
class Twice final : public Module {
 public:
  explicit Twice(Context& context) : Module({&context}) {
    parameter("w", {1}, constant(0));
    buffer("w", {1}, 0);
  }
};

}  // namespace

TEST_CASE("module: no two parts of one name, and a context") {
  Context context(strict(Device::cpu));
  CHECK_THROWS_AS(Pair(context, "a"), Error);
  CHECK_THROWS_AS(Twice{context}, Error);
  CHECK_THROWS_AS(Part({.context = nullptr}), Error);
}

TEST_CASE("flat parameters made twice of a module are the same arrays") {
  for (const Device device : devices()) {
    Context context(strict(device));
    Pair pair(context);
    initialize(pair, 1);
    const FlatParameters first(pair), second(pair);
    CHECK(first.weights() == second.weights());
    CHECK(first.gradients() == second.gradients());
    CHECK(first.buffers() == second.buffers());
    first.weights().zero();
    CHECK(pair.b.weight.to_vector<float>() == std::vector<float>(3, 0.0f));
    CHECK(pair.b.mean.to_vector<float>() == std::vector<float>(2, 4.0f));
    pair.a.weight.grad().copy_from(Tensor::from(context, {3}, std::vector<float>{1, 2, 3}));
    CHECK(first.gradients().window(0, 0, 3).to_vector<float>() == std::vector<float>{1, 2, 3});
    Pair other(context);
    CHECK(first.are_of(pair));
    CHECK(!first.are_of(other));
  }
}

TEST_CASE("flat parameters of a module and of a part of it exclude each other") {
  Context context(strict(Device::cpu));
  Pair whole(context), parts(context);
  const FlatParameters flat(whole), part(parts.b);
  CHECK_THROWS_AS(FlatParameters{whole.a}, Error);
  CHECK_THROWS_AS(FlatParameters{parts}, Error);
  CHECK_NOTHROW(FlatParameters{parts.a});
  part.weights().zero();
  CHECK(parts.b.weight.to_vector<float>() == std::vector<float>(3, 0.0f));
}
