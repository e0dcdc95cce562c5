// SPDX-License-Identifier: MIT
#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/batch_norm.h"
#include "mellow/engine/ops/conv1d_of.h"
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/recompute.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/files.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// The identity; counts how often it is computed again.
struct Counted {
  int* rebuilt;
  void forward(Cpu&, std::span<const Tensor> in, const Tensor& out) { out.copy_from(in[0]); }
  void forward(Cuda&, std::span<const Tensor> in, const Tensor& out) { out.copy_from(in[0]); }
  template <class Backend>
  void backward(Backend&, const Tensor& dy, Gradients& gradients) {
    gradients.fresh(0).copy_from(dy);
  }
  template <class Backend>
  void rebuild(Backend&, std::span<const Tensor> in, const Tensor& out) {
    ++*rebuilt;
    out.copy_from(in[0]);
  }
};

Tensor counted(int& rebuilt, const Tensor& x) {
  return internal::apply(Counted{&rebuilt}, {x}, x.shape(), x.dtype());
}

// A product of a fused batch norm and a narrow convolution of it: each is what the other's gradient needs.
// The convolution is dropped first, and needs the dropped norm to be computed again.
Tensor norm_and_conv(const Inputs& in, const BatchNormOptions& options) {
  const Tensor& x = in[0];
  const Tensor mean = Tensor::zeros(x.context(), {x.dim(-1)}, x.dtype());
  const Tensor variance = in[1].clone();
  const Tensor y = batch_norm(x, in[1], in[2], mean, variance, options);
  const Tensor moved = conv1d(y, in[3], {}, same_padding(in[3].dim(1)));
  Tensor product = multiply(y, moved);
  recompute_for_backward(moved);
  recompute_for_backward(y);
  return product;
}

struct Bytes {
  std::vector<float> y;
  std::vector<std::vector<float>> gradients;
  bool operator==(const Bytes&) const = default;
};

Bytes bytes_of(Device device, Tape::Recompute recompute, const BatchNormOptions& options) {
  const std::vector<Shape> shapes = {{3, 37, 70}, {70}, {70}, {70, 3, 70}};
  Context context(strict(device));
  Inputs leaves, inputs;
  Tape tape(context, recompute);
  for (size_t i = 0; i < shapes.size(); ++i) {
    leaves.push_back(
        tensor_of<float>(context, shapes[i], random_values(shapes[i].count(), 7 + i, i == 1 ? 0.5 : -1)));
    leaves.back().set_requires_grad();
    inputs.push_back(scale(leaves.back(), 1.0));
  }
  const Tensor y = norm_and_conv(inputs, options);
  Bytes bytes{y.to_vector<float>(), {}};
  tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 99)));
  for (const Tensor& leaf : leaves) bytes.gradients.push_back(leaf.grad().to_vector<float>());
  return bytes;
}

}  // namespace

TEST_CASE("recompute: gradients through dropped tensors have the bits of those through kept ones") {
  for (const Device device : devices())
    for (const bool training : {true, false})
      for (const bool relu : {true, false}) {
        const BatchNormOptions options = {.training = training, .relu = relu};
        const Bytes kept = bytes_of(device, Tape::Recompute::never, options);
        CHECK(bytes_of(device, Tape::Recompute::as_asked, options) == kept);
      }
}

TEST_CASE("recompute: gradients in float64 against differences") {
  check_op([&](const Inputs& in) { return norm_and_conv(in, {.relu = false}); },
           {{2, 5, 3}, {3}, {3}, {3, 3, 3}}, {.f32_tolerance = 1e-3, .step = 1e-5});
}

TEST_CASE("recompute: memory goes at once, comes back once, and stays for views") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {1000}, std::vector<double>(1000, 2.0)).set_requires_grad();
  int rebuilt = 0;
  Tape tape(context);
  const Tensor y = counted(rebuilt, x);
  const Tensor product = multiply(y, y), sum_of = add(product, multiply(product, y));
  const size_t before = context.memory().in_use;
  recompute_for_backward(y);
  recompute_for_backward(y);  // gone already
  CHECK(before - context.memory().in_use == MemoryPool::size_class(8000));
  const Tensor z = counted(rebuilt, sum_of);
  const Tensor square = multiply(z, z), view = z.window(0, 10, 20);
  recompute_for_backward(z);
  CHECK(view.clone().to_vector<double>() == std::vector<double>(10, 12.0));
  tape.backward(sum(square));
  CHECK(rebuilt == 2);  // y and z, for several ops each
  CHECK(x.grad().to_vector<double>() == std::vector<double>(1000, 24.0 * 16));  // 2 (x² + x³) (2x + 3x²)
}

TEST_CASE("recompute: what no gradient asks for is not computed") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {2}, std::vector<double>{1, 2}).set_requires_grad();
  int rebuilt = 0;
  Tape tape(context);
  Tensor total;
  {
    const Tensor y = counted(rebuilt, x);
    total = sum(y);  // needs the count of y alone
    recompute_for_backward(y);
  }
  tape.backward(total);
  CHECK(rebuilt == 0);
  CHECK(x.grad().to_vector<double>() == std::vector<double>{1, 1});
}

TEST_CASE("recompute: nothing happens to what no tape recorded") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {2}, std::vector<double>{1, -2}).set_requires_grad();
  int rebuilt = 0;
  const Tensor y = counted(rebuilt, x);
  recompute_for_backward(y);
  CHECK(y.to_vector<double>() == std::vector<double>{1, -2});
  Tape tape(context);
  recompute_for_backward(x);                                  // a leaf
  recompute_for_backward(y);                                  // of a time before the tape
  recompute_for_backward(relu(Tensor::zeros(context, {2})));  // of a constant
  CHECK(x.to_vector<double>() == std::vector<double>{1, -2});
  CHECK(y.to_vector<double>() == std::vector<double>{1, -2});
}

TEST_CASE("recompute: the parts of a join are written again by the ops that wrote them") {
  const auto gradients = [](Device device, Tape::Recompute recompute, bool part_is_read) {
    Context context(strict(device));
    Inputs leaves;
    for (const Shape& shape : {Shape{3, 20, 2}, {4, 5, 2}, {3, 1, 2}})
      leaves.push_back(tensor_of<float>(context, shape, random_values(shape.count(), 5)).set_requires_grad());
    Tape tape(context, recompute);
    const Tensor x = scale(leaves[0], 2.0);
    Join join(context, {3, 20, 7}, DType::f32);
    const Tensor part = conv1d(x, leaves[1], {}, same_padding(5), join.part(4));
    conv1d_of_max_pool(x, {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1}, leaves[2], {}, {},
                       join.part(3));
    const Tensor y = join.whole(), square = multiply(y, y);
    Tensor total = sum(square);
    if (part_is_read) total = add(total, sum(multiply(part, part)));
    const size_t before = context.memory().in_use;
    recompute_for_backward(y);
    recompute_for_backward(y);
    if (recompute == Tape::Recompute::as_asked && device == Device::cpu)
      CHECK(before - context.memory().in_use == MemoryPool::cut_size(3 * 20 * 7 * sizeof(float)));
    tape.backward(total);
    std::vector<std::vector<float>> found;
    for (const Tensor& leaf : leaves) found.push_back(leaf.grad().to_vector<float>());
    return found;
  };
  for (const Device device : devices())
    for (const bool part_is_read : {false, true})
      CHECK(gradients(device, Tape::Recompute::as_asked, part_is_read) ==
            gradients(device, Tape::Recompute::never, part_is_read));
}

TEST_CASE("recompute: a part that outlives its join is written again by itself") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {1, 2, 1}, std::vector<double>{1, 3}).set_requires_grad();
  const Tensor weight = Tensor::from(context, {1, 1, 1}, std::vector<double>{2});
  Tape tape(context);
  Tensor total;
  {
    Join join(context, {1, 2, 2}, DType::f64);
    const Tensor part = conv1d(x, weight, {}, {}, join.part(1));
    conv1d(x, weight, {}, {}, join.part(1));
    const Tensor y = join.whole();  // no gradient needs its elements
    total = add(sum(y), sum(multiply(part, part)));
    recompute_for_backward(y);
  }
  tape.backward(total);
  CHECK(x.grad().to_vector<double>() == std::vector<double>{4 + 8, 4 + 24});  // 2 · 2 + 2 · 4 x
}

TEST_CASE("recompute: a join with a part from elsewhere is kept") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {1, 2, 1}, std::vector<double>{1, 3}).set_requires_grad();
  const Tensor weight = Tensor::from(context, {1, 1, 1}, std::vector<double>{2});
  Tape tape(context);
  Join join(context, {1, 2, 2}, DType::f64);
  conv1d(x, weight, {}, {}, join.part(1));
  copy_rows(context.cpu(), Tensor::zeros(context, {1, 2, 1}, DType::f64), join.part(1));
  const Tensor y = join.whole();
  CHECK(contains(message_of([&] { recompute_for_backward(y); }),
                 "no op of the tape wrote part 1 of [1, 2, 2]"));
  CHECK(y.to_vector<double>() == std::vector<double>{2, 0, 6, 0});
}

TEST_CASE("recompute: errors say what to do") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::from(context, {1, 2, 1}, std::vector<double>{1, 2}).set_requires_grad();
  Tape tape(context);
  const Tensor kept = relu(x);
  CHECK(message_of([&] { recompute_for_backward(kept); }) ==
        "[recompute_for_backward] the op that made [1, 2, 1] has no rebuild(): its output must be kept");
  CHECK(kept.to_vector<double>() == std::vector<double>{1, 2});
  const Tensor weight = Tensor::from(context, {1, 1, 1}, std::vector<double>{2});
  int rebuilt = 0;
  const Tensor orphan = counted(rebuilt, scale(x, 2));
  CHECK(contains(message_of([&] { recompute_for_backward(orphan); }),
                 "an input of the op that made [1, 2, 1] is gone already"));
  CHECK(orphan.to_vector<double>() == std::vector<double>{2, 4});
  const Tensor dropped = conv1d(x, weight, {}, {});
  recompute_for_backward(dropped);
  CHECK(contains(message_of([&] { relu(dropped); }),
                 "the elements of [1, 2, 1] were dropped by recompute_for_backward()"));
  CHECK(dropped.shape() == Shape{1, 2, 1});
  tape.backward(sum(kept));  // none of this disturbs the tape
  CHECK(x.grad().to_vector<double>() == std::vector<double>{1, 1});
}
