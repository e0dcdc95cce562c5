// SPDX-License-Identifier: MIT
#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/internal/apply.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/reduce.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

using Numbers = std::vector<double>;

Tensor leaf(Context& context, const Numbers& values) {
  return Tensor::from(context, {static_cast<int64_t>(values.size())}, values).set_requires_grad();
}
Numbers grad_of(const Tensor& t) { return t.grad().to_vector<double>(); }

// The identity; notes in `order` when its backward runs.
struct Noted {
  int number;
  std::vector<int>* order;
  void forward(Cpu&, std::span<const Tensor> in, const Tensor& out) { out.copy_from(in[0]); }
  void forward(Cuda&, std::span<const Tensor> in, const Tensor& out) { out.copy_from(in[0]); }
  template <class Backend>
  void backward(Backend&, const Tensor& dy, Gradients& gradients) {
    order->push_back(number);
    gradients.fresh(0).copy_from(dy);
  }
};

}  // namespace

TEST_CASE("tape: backward runs in reverse order, each op once") {
  Context context(strict(Device::cpu));
  std::vector<int> order;
  Tape tape(context);
  auto noted = [&](int number, const Tensor& x) {
    return internal::apply(Noted{number, &order}, {x}, x.shape(), x.dtype());
  };
  const Tensor x = leaf(context, {1, 2});
  const Tensor a = noted(1, x);
  const Tensor unused = noted(2, x);
  const Tensor b = noted(3, a), c = noted(4, a);
  tape.backward(sum(add(b, c)));
  CHECK(order == std::vector<int>{4, 3, 1});  // 2 leads nowhere
  CHECK(grad_of(x) == Numbers{2, 2});
}

TEST_CASE("tape: fan-out adds up, leaves accumulate over backwards") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, {1, 2, 3});
  for (int pass = 1; pass <= 2; ++pass) {
    Tape tape(context);
    const Tensor y = scale(x, 2);
    const Tensor shared = add(y, y);
    tape.backward(sum(add(multiply(shared, y), add(shared, x))));  // 8x² + 4x + x
    CHECK(grad_of(x) == Numbers{21.0 * pass, 37.0 * pass, 53.0 * pass});
  }
  x.grad().zero();
  Tape tape(context);
  tape.backward(sum(x));
  CHECK(grad_of(x) == Numbers{1, 1, 1});
}

TEST_CASE("tape: gradients go where they are wanted only") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, {1, 2}), constant = Tensor::from(context, {2}, Numbers{3, 4});
  Tape tape(context);
  const Tensor y = multiply(x, constant);
  CHECK(y.requires_grad());
  CHECK_FALSE(multiply(constant, constant).requires_grad());
  tape.backward(y, Tensor::from(context, {2}, Numbers{1, 10}));
  CHECK(grad_of(x) == Numbers{3, 40});
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("tape: nothing is recorded or kept without one") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, Numbers(1000, 1.0));
  const size_t before = context.memory().in_use;
  CHECK(context.tape() == nullptr);
  {
    Tensor y = x;
    for (int i = 0; i < 10; ++i) y = relu(y);
    CHECK_FALSE(y.requires_grad());
    CHECK(context.memory().in_use - before == MemoryPool::size_class(8000));  // y alone
  }
  CHECK(context.memory().in_use == before);
  Tape tape(context);
  CHECK(context.tape() == &tape);
  CHECK_THROWS_AS(tape.backward(sum(Tensor::from(context, {1}, Numbers{1}))), Error);
}

TEST_CASE("tape: memory is free after backward") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, Numbers(1000, 0.5));
  x.set_grad(Tensor::zeros(context, {1000}, DType::f64));
  const size_t before = context.memory().in_use;
  Tape tape(context);
  for (int pass = 0; pass < 3; ++pass) {
    {
      Tensor y = x;
      for (int i = 0; i < 10; ++i) y = mellow::tanh(y);
      const Tensor loss = sum(y);
      CHECK(context.memory().in_use >= before + 10 * 8000);
      tape.backward(loss);
    }
    CHECK(context.memory().in_use == before);
  }
}

TEST_CASE("tape: a gradient that several ops read is overwritten by the last of them alone") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, Numbers(1000, 1.0)), up = Tensor::from(context, {1000}, Numbers(1000, 10.0));
  Tape tape(context);
  {
    const Tensor a = scale(x, 1);
    const Tensor y = add(add(scale(a, 2), scale(a, 3)), add_relu(a, scale(a, -0.5)));
    tape.backward(y, up);
  }
  CHECK(grad_of(x) == Numbers(1000, 55.0));
  CHECK(up.to_vector<double>() == Numbers(1000, 10.0));
}

TEST_CASE("tape: one array serves the gradients of a chain of elementwise ops") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, Numbers(1000, 1.0)), up = Tensor::from(context, {1000}, Numbers(1000, 10.0));
  x.set_grad(Tensor::zeros(context, {1000}, DType::f64));
  Tape tape(context);
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = scale(y, -1);
  const size_t before = context.memory().in_use;
  tape.backward(y, up);
  CHECK(context.memory().peak == before + MemoryPool::size_class(8000));
  CHECK(grad_of(x) == Numbers(1000, 10.0));
}

TEST_CASE("tape: nested tapes record for themselves") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, {2});
  Tape outer(context);
  const Tensor y = multiply(x, x);
  {
    Tape inner(context);
    CHECK(context.tape() == &inner);
    inner.backward(sum(scale(x, 5)));
    CHECK(context.tape() == &inner);
    CHECK_THROWS_AS(inner.backward(y), Error);  // recorded by the other one
  }
  CHECK(context.tape() == &outer);
  CHECK(grad_of(x) == Numbers{5});
  outer.backward(y);
  CHECK(grad_of(x) == Numbers{9});
}

TEST_CASE("tape: what it did not record is refused") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, {1, 2});
  const Tensor stranger = sum(x);  // before the tape
  Tape tape(context);
  CHECK_THROWS_AS(tape.backward(stranger), Error);
  const Tensor y = scale(x, 2);
  CHECK_THROWS_AS(tape.backward(y), Error);  // two numbers
  CHECK_THROWS_AS(tape.backward(y, Tensor::zeros(context, {3}, DType::f64)), Error);
  CHECK_THROWS_AS(tape.backward(y, Tensor::zeros(context, {2})), Error);  // float32
  CHECK_THROWS_AS(tape.backward(y, Tensor()), Error);
  CHECK_THROWS_AS(tape.backward(Tensor(), Tensor()), Error);
  CHECK_THROWS_AS(tape.backward(Tensor()), Error);
  CHECK_THROWS_AS(tape.drop(Tensor()), Error);
  Context other(strict(Device::cpu));
  CHECK_THROWS_AS(tape.backward(y, Tensor::zeros(other, {2}, DType::f64)), Error);
  const Tensor loss = sum(y);
  tape.backward(loss);
  CHECK_THROWS_AS(tape.backward(loss), Error);  // the tape is empty now
  CHECK(grad_of(x) == Numbers{2, 2});
}

namespace {

// The identity, until backward.
struct Throwing {
  void forward(Cpu&, std::span<const Tensor> in, const Tensor& out) { out.copy_from(in[0]); }
  void forward(Cuda&, std::span<const Tensor> in, const Tensor& out) { out.copy_from(in[0]); }
  template <class Backend>
  void backward(Backend&, const Tensor&, Gradients&) {
    throw Error("backward failed");
  }
};

}  // namespace

TEST_CASE("tape: records again after a backward that threw") {
  Context context(strict(Device::cpu));
  const Tensor x = leaf(context, {2.0});
  Tape tape(context);
  const Tensor y = internal::apply(Throwing{}, {x}, x.shape(), x.dtype());
  CHECK_THROWS_AS(tape.backward(y), Error);
  CHECK(context.tape() == &tape);
  tape.backward(scale(x, 3));
  CHECK(grad_of(x) == Numbers{3});
}
