// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/lstm.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

struct Sizes {
  int64_t batch, length, channels, cells;
  std::vector<Shape> shapes() const {
    return {{batch, length, channels}, {4 * cells, channels}, {4 * cells, cells}, {4 * cells}, {4 * cells}};
  }
};

Tensor run(const Inputs& in) { return lstm(in[0], {in[1], in[2], in[3], in[4]}); }

double sigmoid_at(double x) { return 1 / (1 + std::exp(-x)); }

Inputs leaves(Context& context, const Sizes& s) {
  Inputs in;
  for (const Shape& shape : s.shapes())
    in.push_back(
        tensor_of<float>(context, shape, random_values(shape.count(), 3 + in.size())).set_requires_grad());
  return in;
}

// The recurrence by its definition, all in double.
std::vector<double> by_definition(const Sizes& s, const std::vector<std::vector<double>>& v) {
  const auto n = static_cast<size_t>(s.cells), channels = static_cast<size_t>(s.channels);
  std::vector<double> all;
  for (size_t b = 0; b < static_cast<size_t>(s.batch); ++b) {
    std::vector<double> h(n, 0.0), c(n, 0.0);
    for (size_t t = 0; t < static_cast<size_t>(s.length); ++t) {
      std::vector<double> z(4 * n);
      for (size_t j = 0; j < 4 * n; ++j) {
        z[j] = v[3][j] + v[4][j];
        const size_t step = (b * static_cast<size_t>(s.length) + t) * channels;
        for (size_t k = 0; k < channels; ++k) z[j] += v[1][j * channels + k] * v[0][step + k];
        for (size_t k = 0; k < n; ++k) z[j] += v[2][j * n + k] * h[k];
      }
      for (size_t k = 0; k < n; ++k) {
        c[k] = sigmoid_at(z[n + k]) * c[k] + sigmoid_at(z[k]) * std::tanh(z[2 * n + k]);
        h[k] = sigmoid_at(z[3 * n + k]) * std::tanh(c[k]);
      }
    }
    all.insert(all.end(), h.begin(), h.end());
  }
  return all;
}

}  // namespace

TEST_CASE("lstm: gradients and devices, one step and many") {
  for (const Sizes& s : {Sizes{1, 1, 1, 1}, Sizes{3, 1, 7, 5}, Sizes{2, 7, 3, 4}, Sizes{5, 4, 1, 9},
                         Sizes{33, 2, 2, 3}, Sizes{1, 15, 2, 2}}) {
    CAPTURE(s.batch);
    CAPTURE(s.length);
    check_op(run, s.shapes());
  }
}

TEST_CASE("lstm is the recurrence of its definition") {
  for (const Sizes& s : {Sizes{2, 1, 5, 3}, Sizes{3, 6, 2, 37}, Sizes{1, 24, 1, 8}}) {
    CAPTURE(s.length);
    std::vector<std::vector<double>> values;
    for (const Shape& shape : s.shapes()) values.push_back(random_values(shape.count(), 11 + values.size()));
    const auto expected = by_definition(s, values);
    const auto inputs = [&]<class T>(Context& context) {
      Inputs in;
      for (size_t i = 0; i < values.size(); ++i)
        in.push_back(tensor_of<T>(context, s.shapes()[i], values[i]));
      return in;
    };
    for (const Device device : devices()) {
      Context context(strict(device));
      check_close(to_doubles(run(inputs.operator()<float>(context))), expected, 1e-5, "float32");
    }
    Context context(strict(Device::cpu));
    check_close(to_doubles(run(inputs.operator()<double>(context))), expected, 1e-13, "float64");
  }
}

TEST_CASE("lstm: at one step the recurrent weights and the forget gate count for nothing") {
  for (const Device device : devices()) {
    Context context(strict(device));
    const Sizes s = {4, 1, 6, 5};
    const Inputs in = leaves(context, s);
    Tape tape(context);
    const Tensor y = run(in);
    tape.backward(y, tensor_of<float>(context, y.shape(), std::vector<double>(20, 1)));
    for (const double g : to_doubles(in[2].grad())) CHECK(g == 0);
    const auto weight = to_doubles(in[1].grad()), bias = to_doubles(in[3].grad());
    for (size_t k = 0; k < 30; ++k) CHECK(weight[30 + k] == 0);
    for (size_t k = 0; k < 5; ++k) {
      CHECK(bias[5 + k] == 0);
      CHECK(bias[k] != 0);
    }
    CHECK(bias == to_doubles(in[4].grad()));
  }
}

TEST_CASE("lstm: gradients of a window, and added to those that are there") {
  for (const Device device : devices()) {
    Context context(strict(device));
    const Inputs in = leaves(context, {3, 5, 2, 4});
    const Tensor beside = Tensor::zeros(context, {3, 6});
    std::vector<std::vector<double>> once;
    for (int pass = 1; pass <= 2; ++pass) {
      Tape tape(context);
      const Tensor parts[] = {beside, run(in)};
      const Tensor y = concatenate(parts);  // hands lstm a window of the upstream gradient
      tape.backward(y, tensor_of<float>(context, y.shape(), random_values(30, 8)));
      for (size_t i = 0; i < in.size(); ++i) {
        auto gradient = to_doubles(in[i].grad());
        if (pass == 1) once.push_back(gradient);
        for (double& g : gradient) g /= pass;
        check_close(gradient, once[i], 1e-6, "gradient");
      }
    }
  }
}

TEST_CASE("lstm takes no memory from the system once warm, and gives the same bits again") {
  for (const Device device : devices()) {
    std::vector<double> first;
    for (int run_number = 0; run_number < 2; ++run_number) {
      Context context(strict(device, 3));
      const Inputs in = leaves(context, {37, 9, 3, 64});
      size_t allocations = 0;
      for (int pass = 0; pass < 4; ++pass) {
        Tape tape(context);
        const Tensor y = run(in);
        tape.backward(y, y);
        if (pass == 1) allocations = context.memory().system_allocations;
      }
      CHECK(context.memory().system_allocations == allocations);
      const auto gradient = to_doubles(in[2].grad());
      if (first.empty()) first = gradient;
      CHECK(gradient == first);
    }
  }
}

TEST_CASE("lstm: products follow the context's precision") {
  const auto hidden = [](Precision precision) {
    ContextOptions options = strict(Device::cpu);
    options.precision = precision;
    Context context(options);
    return to_doubles(run(leaves(context, {5, 12, 3, 16})));
  };
  const auto exact = hidden(Precision::fp32);
  check_close(hidden(Precision::bf16x3), exact, 1e-4, "bf16x3");
  check_close(hidden(Precision::bf16), exact, 2e-2, "bf16");
  CHECK(hidden(Precision::bf16) != exact);
}

TEST_CASE("lstm names what does not fit") {
  Context context(strict(Device::cpu));
  const auto zeros = [&](const Shape& shape) { return Tensor::zeros(context, shape); };
  const Tensor x = zeros({2, 3, 5}), w = zeros({8, 5}), u = zeros({8, 2}), b = zeros({8});
  CHECK(lstm(x, {w, u, b, b}).shape() == Shape{2, 2});
  CHECK_THROWS_WITH_AS(lstm(x, {zeros({8, 4}), u, b, b}),
                       "[lstm] weight_ih [8, 4] must be [4 cells, channels] of x [2, 3, 5]", Error);
  CHECK_THROWS_AS(lstm(x, {zeros({6, 5}), u, b, b}), Error);
  CHECK_THROWS_WITH_AS(lstm(x, {w, zeros({8, 3}), b, b}), "[lstm] weight_hh must be [8, 2], got [8, 3]",
                       Error);
  CHECK_THROWS_AS(lstm(x, {w, u, zeros({4}), b}), Error);
  CHECK_THROWS_AS(lstm(x, {w, u, b, zeros({2, 4})}), Error);
  CHECK_THROWS_AS(lstm(zeros({2, 0, 5}), {w, u, b, b}), Error);
  CHECK_THROWS_AS(lstm(zeros({2, 5}), {w, u, b, b}), Error);
  CHECK_THROWS_AS(lstm(x, {w, u, b, Tensor::zeros(context, {8}, DType::f64)}), Error);
}
