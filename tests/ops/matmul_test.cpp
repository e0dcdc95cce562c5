// SPDX-License-Identifier: MIT
#include <omp.h>

#include "mellow/engine/ops/matmul.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

Shape stored(int64_t batch, int64_t rows, int64_t columns, bool transposed) {
  Shape shape;
  if (batch > 0) shape.push_back(batch);
  shape.push_back(transposed ? columns : rows);
  shape.push_back(transposed ? rows : columns);
  return shape;
}

}  // namespace

TEST_CASE("matmul: gradients and devices, plain and batched, every transpose") {
  struct Sizes {
    int64_t batch, m, n, k;
  };
  for (const Sizes& s : {Sizes{0, 1, 1, 1}, Sizes{0, 3, 5, 4}, Sizes{0, 17, 33, 9}, Sizes{1, 2, 3, 4},
                         Sizes{3, 4, 2, 5}, Sizes{5, 9, 7, 11}})
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        CAPTURE(s.m);
        CAPTURE(ta);
        CAPTURE(tb);
        check_op([&](const Inputs& in) { return matmul(in[0], in[1], ta, tb); },
                 {stored(s.batch, s.m, s.k, ta), stored(s.batch, s.k, s.n, tb)});
      }
}

TEST_CASE("matmul gives the sum of products") {
  for (Device device : devices()) {
    Context context(strict(device));
    const auto a = tensor_of<float>(context, {2, 3}, {1, 2, 3, 4, 5, 6});
    const auto b = tensor_of<float>(context, {3, 2}, {7, 8, 9, 10, 11, 12});
    CHECK(to_doubles(matmul(a, b)) == std::vector<double>{58, 64, 139, 154});
    CHECK(to_doubles(matmul(a, a, false, true)) == std::vector<double>{14, 32, 32, 77});
    const auto wide = tensor_of<float>(context, {2, 5}, {0, 1, 2, 3, 0, 0, 4, 5, 6, 0});
    CHECK(to_doubles(matmul(wide.window(1, 1, 4), b)) == std::vector<double>{58, 64, 139, 154});
  }
}

TEST_CASE("linear: gradients and devices, with and without bias") {
  for (const Shape& x : {Shape{1, 1}, Shape{7, 5}, Shape{130, 3}, Shape{2, 3, 6}}) {
    CAPTURE(x[0]);
    const int64_t in_width = x[-1];
    check_op([](const Inputs& in) { return linear(in[0], in[1], in[2]); }, {x, {70, in_width}, {70}});
    check_op([](const Inputs& in) { return linear(in[0], in[1], {}); }, {x, {3, in_width}});
  }
}

TEST_CASE("linear adds to gradients that are there") {
  for (Device device : devices()) {
    Context context(strict(device));
    Tensor w = tensor_of<float>(context, {1, 2}, {1, 2}).set_requires_grad();
    Tensor b = tensor_of<float>(context, {1}, {3}).set_requires_grad();
    const auto x = tensor_of<float>(context, {2, 2}, {1, 2, 3, 4});
    for (int i = 0; i < 2; ++i) {
      Tape tape(context);
      const Tensor y = linear(x, w, b);
      CHECK(to_doubles(y) == std::vector<double>{8, 14});
      tape.backward(y, tensor_of<float>(context, {2, 1}, {1, 10}));
    }
    CHECK(to_doubles(w.grad()) == std::vector<double>{62, 84});
    CHECK(to_doubles(b.grad()) == std::vector<double>{22});
  }
}

TEST_CASE("bf16 rounds the operands of a product, not the sums") {
  ContextOptions options = strict(Device::cpu);
  options.precision = Precision::bf16;
  Context context(options);
  const double x = 1 + 1.0 / 256, coarse = 1;  // bf16 keeps 8 bits: 1 + 2^-8 rounds to even
  const auto a = tensor_of<float>(context, {1, 3}, {x, x, 1});
  const auto b = tensor_of<float>(context, {3, 1}, {1, 1, 1.0 / 1024});
  CHECK(to_doubles(matmul(a, b))[0] == 2 * coarse + 1.0 / 1024);
  options.precision = Precision::bf16x3;
  Context split(options);
  const auto c = tensor_of<float>(split, {1, 3}, {x, x, 1}),
             d = tensor_of<float>(split, {3, 1}, {1, 1, 1.0 / 1024});
  CHECK(to_doubles(matmul(c, d))[0] == doctest::Approx(2 * x + 1.0 / 1024).epsilon(1e-6));
}

// The test is run a second time with OMP_THREAD_LIMIT=3 (tests/CMakeLists.txt).
TEST_CASE("products do not depend on how many threads OpenMP grants") {
  const auto product_on = [](int threads) {
    ContextOptions options = strict(Device::cpu);
    options.threads = threads;
    Context context(options);
    const auto matrix = [&](int64_t rows, int64_t columns, unsigned seed) {
      return tensor_of<float>(context, {rows, columns}, random_values(rows * columns, seed));
    };
    return to_doubles(linear(matrix(300, 200, 1), matrix(150, 200, 2), matrix(1, 150, 3).view({150})));
  };
  const auto alone = product_on(1);
  for (const int dynamic : {0, 1}) {
    omp_set_dynamic(dynamic);
    const auto shared = product_on(8);
    omp_set_dynamic(0);
    double worst = 0;
    for (size_t i = 0; i < alone.size(); ++i) worst = std::max(worst, std::abs(alone[i] - shared[i]));
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("matmul and linear name what does not fit") {
  Context context(strict(Device::cpu));
  const Tensor a = Tensor::zeros(context, {2, 3}), b = Tensor::zeros(context, {2, 3});
  CHECK_THROWS_WITH_AS(matmul(a, b), "[matmul] inner dimensions differ: [2, 3] and [2, 3]", Error);
  CHECK_THROWS_AS(matmul(a, Tensor::zeros(context, {3, 2}, DType::f64)), Error);
  CHECK_THROWS_AS(matmul(Tensor::zeros(context, {2, 2, 3}), Tensor::zeros(context, {3, 3, 2})), Error);
  CHECK_THROWS_AS(linear(a, Tensor::zeros(context, {4, 2}), {}), Error);
  CHECK_THROWS_AS(linear(a, b, Tensor::zeros(context, {3})), Error);
}
