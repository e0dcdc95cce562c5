// SPDX-License-Identifier: MIT
#include <limits>

#include "mellow/engine/ops/conv1d.h"
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/tests/kernels/conv1d_reference.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/conv1d_cases.h"
#include "mellow/tests/support/environment.h"
#include "mellow/tests/support/rounding.h"
#include "mellow/tests/support/windows.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// The definition, term by term.
std::vector<double> by_definition(const Conv1dCase& c, const std::vector<double>& x,
                                  const std::vector<double>& w, const Shape& y) {
  const auto sizes = testing::packed({.batch = c.x[0],
                                      .in_length = c.x[1],
                                      .out_length = y[1],
                                      .in_channels = c.x[2],
                                      .out_channels = c.weight[0],
                                      .width = c.weight[1],
                                      .stride = c.options.stride,
                                      .dilation = c.options.dilation,
                                      .groups = c.options.groups,
                                      .pad_left = c.options.pad_left});
  std::vector<double> sums(static_cast<size_t>(y.count()));
  testing::for_each_product(sizes, [&](int64_t to, int64_t i, int64_t k) {
    sums[static_cast<size_t>(to)] += x[static_cast<size_t>(i)] * w[static_cast<size_t>(k)];
  });
  return sums;
}

}  // namespace

TEST_CASE("conv1d agrees with the definition") {
  for (const Conv1dCase& c : conv1d_cases()) {
    CAPTURE(c.x);
    CAPTURE(c.weight);
    const auto x = random_values(c.x.count(), 1), w = random_values(c.weight.count(), 2);
    for (Device device : devices()) {
      Context context(strict(device));
      const Tensor y =
          conv1d(tensor_of<float>(context, c.x, x), tensor_of<float>(context, c.weight, w), {}, c.options);
      check_close(to_doubles(y), by_definition(c, x, w, y.shape()), 1e-5, "conv1d");
    }
  }
}

TEST_CASE("conv1d: gradients and devices") {
  for (const Conv1dCase& c : conv1d_cases()) {
    CAPTURE(c.x);
    CAPTURE(c.weight);
    check_op([&](const Inputs& in) { return conv1d(in[0], in[1], in[2], c.options); },
             {c.x, c.weight, {c.weight[0]}});
  }
  check_op([](const Inputs& in) { return conv1d(in[0], in[1], {}, same_padding(3)); },
           {{2, 6, 3}, {4, 3, 3}});
}

TEST_CASE("conv1d writes into windows of a join and reads windows of a tensor") {
  auto op = [](const Inputs& in) {
    Join join(in[0].context(), {2, 9, 7}, in[0].dtype());
    conv1d(in[0], in[1], {}, same_padding(4), join.part(5));
    conv1d(in[0], in[2], in[3], same_padding(3, 2), join.part(2));
    return join.whole();
  };
  check_op(op, {{2, 9, 3}, {5, 4, 3}, {2, 3, 3}, {2}});

  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor wide = tensor_of<float>(context, {2, 9, 8}, random_values(2 * 9 * 8, 1));
    const Tensor weight = tensor_of<float>(context, {4, 3, 3}, random_values(36, 2));
    const Tensor dense = slice(wide, 2, 4, 7);
    CHECK(to_doubles(conv1d(wide.window(2, 4, 7), weight, {}, same_padding(3))) ==
          to_doubles(conv1d(dense, weight, {}, same_padding(3))));
  }
}

TEST_CASE("conv1d gives only the gradients that are wanted, and adds them to what is there") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor x = tensor_of<float>(context, {1, 3, 1}, {1, 2, 3});
    Tensor w = tensor_of<float>(context, {1, 2, 1}, {1, -1});
    Tensor b = tensor_of<float>(context, {1}, {.5}).set_requires_grad();
    const Tensor up = tensor_of<float>(context, {1, 2, 1}, {1, 10});
    {
      Tape tape(context);
      tape.backward(conv1d(x, w, b, {}), up);
    }
    CHECK(to_doubles(b.grad()) == std::vector<double>{11});
    CHECK_FALSE(w.grad().defined());
    w.set_requires_grad();
    Tape tape(context);
    for (int i = 0; i < 2; ++i) tape.backward(conv1d(x, w, b, {}), up);
    CHECK(to_doubles(b.grad()) == std::vector<double>{33});
    CHECK(to_doubles(w.grad()) == std::vector<double>{42, 64});
  }
}

TEST_CASE("conv1d rounds its operands to bf16 when asked to") {
  ContextOptions options = strict(Device::cpu);
  options.precision = Precision::bf16;
  Context context(options);
  const double x = 1 + 1.0 / 256;  // rounds to 1 in bf16
  const Tensor y = conv1d(tensor_of<float>(context, {1, 2, 1}, {x, x}),
                          tensor_of<float>(context, {1, 2, 1}, {1, 1.0 / 1024}), {}, {});
  CHECK(to_doubles(y)[0] == 1 + 1.0 / 1024);
}

TEST_CASE("conv1d takes no new memory after its first step") {
  Context context(strict(Device::cpu));
  const Tensor x = tensor_of<float>(context, {4, 50, 8}, random_values(1600, 1));
  Tensor w = tensor_of<float>(context, {16, 9, 8}, random_values(16 * 9 * 8, 2)).set_requires_grad();
  auto step = [&] {
    Tape tape(context);
    const Tensor y = conv1d(x, w, {}, same_padding(9));
    tape.backward(y, y);
  };
  step();
  const size_t before = context.memory().system_allocations;
  step();
  CHECK(context.memory().system_allocations == before);
}

// y and both gradients of one convolution.
struct Results {
  std::vector<double> y, dx, dw;
};

template <class T>
Results results_of(Context& context, const Conv1dCase& c, const std::vector<double>& x,
                   const std::vector<double>& w, const std::vector<double>& dy) {
  Tensor in = tensor_of<T>(context, c.x, x).set_requires_grad();
  Tensor weight = tensor_of<T>(context, c.weight, w).set_requires_grad();
  Tape tape(context);
  const Tensor y = conv1d(in, weight, {}, c.options);
  tape.backward(y, tensor_of<T>(context, y.shape(), {dy.begin(), dy.begin() + y.count()}));
  return {to_doubles(y), to_doubles(in.grad()), to_doubles(weight.grad())};
}

TEST_CASE("conv1d on CUDA in tf32 and bf16, every way: the sums of rounded operands") {
  const std::vector<Conv1dCase> all = {
      {{1, 70, 32}, {16, 40, 32}, same_padding(40)},
      {{2, 33, 64}, {24, 3, 64}, same_padding(3, 8)},
      {{2, 70, 16}, {24, 5, 16}, {.pad_left = 9}},
      {{2, 40, 32}, {40, 3, 32}, {.stride = 2, .pad_left = 1, .pad_right = 1}},
      {{3, 20, 128}, {32, 1, 128}, {}},
      {{2, 20, 3}, {5, 3, 3}, same_padding(3)}};  // no channels for tensor cores
  for (const Device device : devices())
    for (const Precision precision : {Precision::tf32, Precision::bf16})
      for (const std::string way : {"cudnn", "tensor", "direct"})
        for (const Conv1dCase& c : all) {
          if (device == Device::cpu) continue;
          CAPTURE(way);
          CAPTURE(name_of(precision));
          CAPTURE(c.x);
          CAPTURE(c.weight);
          const EnvironmentVariable forced("MELLOW_CONV", way);
          auto x = random_values(c.x.count(), 1), w = random_values(c.weight.count(), 2),
               dy = random_values(c.x[0] * (c.x[1] + 40) * c.weight[0], 3);
          for (auto* values : {&x, &w, &dy})
            for (double& value : *values) value = static_cast<float>(value);
          Context context({.device = device, .precision = precision, .poison = true});
          const Results got = results_of<float>(context, c, x, w, dy);
          for (auto* values : {&x, &w, &dy})
            for (double& value : *values) value = rounded(value, precision);
          Context reference(strict(Device::cpu));
          const Results exact = results_of<double>(reference, c, x, w, dy);
          // Tensor cores may cut off bits where they add. The other ways round otherwise: not at all, or the
          // result once more.
          const double tight = 3e-5, loose = precision == Precision::tf32 ? 2e-3 : 2e-2;
          const bool tensor = way == "tensor" && c.x[2] % 8 == 0;
          check_close(got.y, exact.y, tensor ? tight : loose, "y");
          check_close(got.dw, exact.dw, tensor ? tight : loose, "dw");
          check_close(got.dx, exact.dx, tensor && c.options.stride == 1 ? tight : loose, "dx");
        }
}

TEST_CASE("conv1d on CUDA in tf32 gives the same bits in windows of wider tensors") {
  for (const Device device : devices())
    for (const std::string way : {"tensor", "direct"}) {
      if (device == Device::cpu) continue;
      CAPTURE(way);
      const EnvironmentVariable forced("MELLOW_CONV", way);
      Context context({.device = device, .precision = Precision::tf32, .poison = true});
      const Tensor wide = tensor_of<float>(context, {2, 70, 56}, random_values(2 * 70 * 56, 1));
      const Tensor weight = tensor_of<float>(context, {16, 9, 32}, random_values(16 * 9 * 32, 2));
      const Tensor whole = Tensor::zeros(context, {2, 70, 40});
      conv1d(wide.window(2, 16, 48), weight, {}, same_padding(9), whole.window(2, 8, 24));
      CHECK(to_doubles(slice(whole, 2, 8, 24)) ==
            to_doubles(conv1d(slice(wide, 2, 16, 48), weight, {}, same_padding(9))));
    }
}

TEST_CASE("conv1d names what does not fit") {
  Context context(strict(Device::cpu));
  const Tensor x = Tensor::zeros(context, {2, 5, 3}), w = Tensor::zeros(context, {4, 3, 3});
  CHECK_THROWS_WITH_AS(conv1d(Tensor::zeros(context, {2, 5}), w, {}, {}),
                       "[conv1d] expected x [batch, length, channels], got [2, 5]", Error);
  CHECK_THROWS_AS(conv1d(x, Tensor::zeros(context, {4, 3, 2}), {}, {}), Error);
  CHECK_THROWS_AS(conv1d(x, Tensor::zeros(context, {4, 6, 3}), {}, {}), Error);  // longer than the series
  CHECK_THROWS_AS(conv1d(x, w, Tensor::zeros(context, {3}), {}), Error);
  CHECK_THROWS_AS(conv1d(x, w, {}, {.stride = 0}), Error);
  CHECK_THROWS_AS(conv1d(x, w, {}, {.pad_left = -1}), Error);
  CHECK_THROWS_AS(conv1d(x, w, {}, {}, Tensor::zeros(context, {2, 4, 4})), Error);
  for (const int64_t huge : {int64_t{1} << 62, std::numeric_limits<int64_t>::max()}) {
    CHECK_THROWS_AS(conv1d(x, w, {}, {.dilation = huge}), Error);
    CHECK_THROWS_AS(conv1d(x, w, {}, {.pad_left = huge, .pad_right = huge}), Error);
    CHECK_THROWS_AS(conv1d(x, w, {}, {.groups = huge}), Error);
    CHECK_THROWS_AS(same_padding(5, huge), Error);
  }
  CHECK_THROWS_AS(conv1d(x, Tensor::zeros(context, {4, 0, 3}), {}, {}), Error);
  CHECK_THROWS_AS(same_padding(0), Error);
}
