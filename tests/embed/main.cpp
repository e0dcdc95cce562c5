// SPDX-License-Identifier: MIT
// Fits a linear classifier of three classes to points on a circle; fails when it does not learn.
#include <cmath>
#include <cstdio>
#include <exception>
#include <vector>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/context.h"
#include "mellow/engine/core/tensor.h"
#include "mellow/engine/ops/matmul.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/ops/update.h"

int main() try {
  constexpr int64_t points = 96, classes = 3, steps = 50;
  mellow::Context context({.threads = 2});
  std::vector<float> xy;
  std::vector<int32_t> sector;
  for (int i = 0; i < points; ++i) {
    const double angle = 2 * 3.14159265 * i / points;
    xy.push_back(static_cast<float>(std::cos(angle)));
    xy.push_back(static_cast<float>(std::sin(angle)));
    sector.push_back(static_cast<int32_t>(i * classes / points));
  }
  const auto x = mellow::Tensor::from(context, {points, 2}, xy);
  const auto labels = mellow::Tensor::from(context, {points}, sector);
  const auto rate = mellow::Tensor::from(context, {1}, std::vector<float>{2.0F});
  const auto step = mellow::Tensor::from(context, {1}, std::vector<int64_t>{1});
  auto weight = mellow::Tensor::zeros(context, {classes, 2}).set_requires_grad();

  float first = 0, last = 0;
  for (int i = 0; i < steps; ++i) {
    if (weight.grad()) weight.grad().zero();
    mellow::Tape tape(context);
    const auto loss = mellow::soft_label_loss(mellow::linear(x, weight, {}), {.labels = labels}, {});
    last = loss.item<float>();
    if (i == 0) first = last;
    tape.backward(loss);
    mellow::sgd(context.cpu(), weight, weight.grad(), {}, rate, step, {});
  }
  std::printf("loss %.4f at the start, %.4f after %d steps\n", first, last, static_cast<int>(steps));
  return last < 0.5F * first ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
