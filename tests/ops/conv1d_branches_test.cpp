// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d_branches.h"
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/recompute.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// Branches of 5, 4 and 1 taps: in = {x, their kernels}.
const std::vector<Conv1dOptions> three = {same_padding(5), same_padding(4), same_padding(1)};
const std::vector<Shape> shapes = {{2, 9, 3}, {2, 5, 3}, {4, 4, 3}, {1, 1, 3}};

Tensor of_branches(const Inputs& in) { return conv1d_branches(in[0], std::span(in).subspan(1), three); }

// The same by an op for each.
Tensor one_by_one(const Inputs& in) {
  Join join(in[0].context(), {in[0].dim(0), in[0].dim(1), 7}, in[0].dtype());
  for (size_t i = 0; i < three.size(); ++i)
    conv1d(in[0], in[i + 1], {}, three[i], join.part(in[i + 1].dim(0)));
  return join.whole();
}

// Two steps, so that gradients are added to what is there: y and the gradients of all inputs.
std::vector<double> steps_of(Device device, bool inner, const std::function<Tensor(const Inputs&)>& op) {
  Context context({.device = device});
  Inputs leaves;
  for (size_t i = 0; i < shapes.size(); ++i)
    leaves.push_back(tensor_of<float>(context, shapes[i], random_values(shapes[i].count(), i))
                         .set_requires_grad(i > 0 || inner));
  std::vector<double> all;
  for (int step = 0; step < 2; ++step) {
    Tape tape(context);
    Inputs in = leaves;
    in[0] = scale(in[0], 1);
    const Tensor y = op(in);
    tape.backward(y, tensor_of<float>(context, y.shape(), random_values(y.count(), 99)));
    for (size_t i = 0; i <= leaves.size(); ++i) {
      if (i == 0 && !inner) continue;
      const auto values = to_doubles(i == leaves.size() ? y : leaves[i].grad());
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  return all;
}

}  // namespace

TEST_CASE("conv1d_branches: gradients and devices") {
  check_op(of_branches, shapes);
  const std::vector<Conv1dOptions> one(1);
  check_op([&](const Inputs& in) { return conv1d_branches(in[0], std::span(in).subspan(1), one); },
           {{1, 4, 2}, {3, 2, 2}});
  check_op(through_windows(of_branches), shapes);
}

TEST_CASE("conv1d_branches: the same as an op for each branch") {
  for (const Device device : devices())
    for (const bool inner : {true, false})
      check_close(steps_of(device, inner, of_branches), steps_of(device, inner, one_by_one), 1e-6, "result");
}

TEST_CASE("conv1d_branches: branches of which some are frozen, and results written again") {
  Context context(strict(Device::cpu));
  Inputs in;
  for (const Shape& shape : shapes)
    in.push_back(tensor_of<double>(context, shape, random_values(shape.count(), 3)));
  in[2].set_requires_grad();
  Tape tape(context);
  const Tensor y = of_branches(in);
  const Tensor z = multiply(y, y);
  recompute_for_backward(y);
  tape.backward(sum(z));
  CHECK_FALSE(in[1].grad().defined());
  CHECK(in[2].grad().defined());
  const auto got = to_doubles(in[2].grad());
  in[2].set_grad({});
  Tape plain(context);
  const Tensor kept = one_by_one(in);
  plain.backward(sum(multiply(kept, kept)));
  check_close(got, to_doubles(in[2].grad()), 1e-12, "gradient");
}

TEST_CASE("conv1d_branches: what does not fit is refused") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {1, 9, 3}), w = Tensor::zeros(context, {2, 3, 3});
  const Tensor both[] = {w, w};
  CHECK_THROWS_WITH_AS(conv1d_branches(x, {}, {}),
                       "[conv1d_branches] 0 weights and 0 options: there must be as many of both, at least "
                       "one",
                       Error);
  const Conv1dOptions unlike[] = {{}, same_padding(3)};
  CHECK_THROWS_AS(conv1d_branches(x, both, std::span(unlike, 1)), Error);
  CHECK_THROWS_WITH_AS(conv1d_branches(x, both, unlike),
                       "[conv1d_branches] branch 1 gives 9 steps, the first 7", Error);
}
