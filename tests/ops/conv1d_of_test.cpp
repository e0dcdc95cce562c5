// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d_of.h"
#include "mellow/engine/ops/join.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/conv1d_cases.h"
#include "mellow/tests/support/files.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

constexpr Pool1dOptions pool_same = {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1};

using Convolution = std::function<Tensor(const Tensor& x, const Tensor& w, const Tensor& b)>;

struct Outcome {
  std::vector<double> y, dw, db, dx;  // no dx where x is the network's input
  size_t kept;                        // bytes, for backward
};

Outcome outcome_of(Device device, const Shape& shape, const Shape& kernel, bool inner, const Convolution& f) {
  Context context(strict(device));
  const Tensor x = tensor_of<float>(context, shape, random_values(shape.count(), 1, -3, 3));
  const Tensor w = tensor_of<float>(context, kernel, random_values(kernel.count(), 2)).set_requires_grad();
  const Tensor b = tensor_of<float>(context, {kernel[0]}, random_values(kernel[0], 3)).set_requires_grad();
  Tensor(x).set_requires_grad(inner);
  const size_t before = context.memory().in_use;
  Tape tape(context);
  const Tensor y = f(x, w, b);
  Outcome outcome{to_doubles(y), {}, {}, {}, context.memory().in_use - before};
  tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 4)));
  outcome.dw = to_doubles(w.grad());
  outcome.db = to_doubles(b.grad());
  if (inner) outcome.dx = to_doubles(x.grad());
  return outcome;
}

// The op gives what its two parts give one after the other, sums over the batch to `tolerance`, and keeps at
// least `spared` bytes less.
void check_against_parts(const Shape& shape, const Shape& kernel, double tolerance, size_t spared,
                         const Convolution& op, const Convolution& parts) {
  for (const Device device : devices())
    for (const bool inner : {true, false}) {
      const Outcome got = outcome_of(device, shape, kernel, inner, op),
                    wanted = outcome_of(device, shape, kernel, inner, parts);
      CHECK(got.y == wanted.y);
      check_close(got.dw, wanted.dw, tolerance, "weight gradient");
      check_close(got.db, wanted.db, tolerance, "bias gradient");
      check_close(got.dx, wanted.dx, 1e-6, "gradient");
      if (device == Device::cpu) CHECK(wanted.kept - got.kept >= spared);  // the emulated one counts nothing
    }
}

}  // namespace

TEST_CASE("conv1d_of: gradients and devices") {
  for (const Conv1dCase& c : conv1d_cases()) {
    CAPTURE(c.x);
    CAPTURE(c.weight);
    const std::vector<Shape> shapes = {c.x, c.weight, {c.weight[0]}};
    check_op([&](const Inputs& in) { return conv1d_of_gelu(in[0], in[1], in[2], c.options); }, shapes);
    check_op([&](const Inputs& in) { return conv1d_of_max_pool(in[0], pool_same, in[1], in[2], c.options); },
             shapes);
  }
  for (const Pool1dOptions& pool :
       {Pool1dOptions{.width = 1, .stride = 1}, Pool1dOptions{.width = 2, .stride = 2},
        Pool1dOptions{.width = 4, .stride = 3, .pad_left = 3, .pad_right = 2}})
    check_op(
        [&](const Inputs& in) { return conv1d_of_max_pool(in[0], pool, in[1], in[2], same_padding(3, 4)); },
        {{2, 23, 4}, {6, 3, 4}, {6}});
  check_op(
      through_windows([](const Inputs& in) { return conv1d_of_gelu(in[0], in[1], {}, same_padding(3)); }),
      {{2, 9, 5}, {4, 3, 5}});
  check_op(through_windows([](const Inputs& in) {
             return conv1d_of_max_pool(in[0], pool_same, in[1], {}, same_padding(3));
           }),
           {{2, 9, 5}, {4, 3, 5}});
}

TEST_CASE("conv1d_of_gelu gives what gelu and conv1d give, and keeps x alone") {
  const Shape shape = {3, 50, 8};
  check_against_parts(
      shape, {5, 3, 8}, 1e-6, static_cast<size_t>(shape.count()) * sizeof(float),
      [](auto& x, auto& w, auto& b) { return conv1d_of_gelu(x, w, b, same_padding(3)); },
      [](auto& x, auto& w, auto& b) { return conv1d(gelu(x), w, b, same_padding(3)); });
}

TEST_CASE("conv1d_of_gelu writes over x in backward where its handle is the last, and nowhere else") {
  const Shape shape = {3, 50, 8}, kernel = {5, 3, 8};
  enum class Holder { nobody, caller, view };
  struct Run {
    std::vector<double> dx, dw;
    size_t peak;
  };
  const auto run = [&](Device device, Holder holder) {
    Context context(strict(device));
    Tensor leaf =
        tensor_of<float>(context, shape, random_values(shape.count(), 1, -3, 3)).set_requires_grad();
    Tensor w = tensor_of<float>(context, kernel, random_values(kernel.count(), 2)).set_requires_grad();
    Tape tape(context);
    Tensor x = scale(leaf, 2);
    const std::vector<double> before = to_doubles(x);
    const Tensor view = holder == Holder::view ? x.view({3, 400}) : Tensor();
    const Tensor y = conv1d_of_gelu(x, w, {}, same_padding(3));
    if (holder != Holder::caller) x = Tensor();
    tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 4)));
    if (holder == Holder::caller) CHECK(to_doubles(x) == before);
    if (holder == Holder::view) CHECK(to_doubles(view) == before);
    return Run{to_doubles(leaf.grad()), to_doubles(w.grad()), context.memory().peak};
  };
  for (const Device device : devices()) {
    const Run alone = run(device, Holder::nobody);
    for (const Holder holder : {Holder::caller, Holder::view}) {
      const Run held = run(device, holder);
      CHECK(held.dx == alone.dx);
      CHECK(held.dw == alone.dw);
      if (device == Device::cpu) CHECK(held.peak - alone.peak >= 4 * static_cast<size_t>(shape.count()));
    }
  }
}

TEST_CASE(
    "conv1d_of_max_pool gives what max_pool1d and conv1d give, part of the batch by part, and keeps x "
    "alone") {
  for (const Shape& shape : {Shape{3, 50, 8}, Shape{11, 700, 24}}) {  // the second in several parts
    CAPTURE(shape);
    check_against_parts(
        shape, {5, 1, shape[2]}, 1e-5, static_cast<size_t>(shape.count()) * sizeof(float),
        [](auto& x, auto& w, auto& b) { return conv1d_of_max_pool(x, pool_same, w, b, {}); },
        [](auto& x, auto& w, auto& b) { return conv1d(max_pool1d(x, pool_same), w, b, {}); });
  }
}

TEST_CASE("conv1d_of_max_pool writes into a part of a join, and refuses another place") {
  Context context(strict(Device::cpu));
  const Pool1dOptions pool = {.width = 2, .stride = 1, .pad_right = 1};
  const Tensor x = tensor_of<float>(context, {1, 3, 1}, {1, 5, 2}),
               w = tensor_of<float>(context, {1, 1, 1}, {2});
  Join join(context, {1, 3, 2}, DType::f32);
  conv1d_of_max_pool(x, pool, w, {}, {}, join.part(1));
  conv1d(x, w, {}, {}, join.part(1));
  CHECK(to_doubles(join.whole()) == std::vector<double>{10, 2, 10, 10, 4, 4});
  CHECK(message_of([&] { conv1d_of_max_pool(x, pool, w, {}, {}, x.window(1, 0, 2)); }) ==
        "[conv1d_of_max_pool] the result is [1, 3, 1], the place for it [1, 2, 1]");
}
