// SPDX-License-Identifier: MIT
// The training loop on CUDA: a step is called, recorded, replayed, for two sizes of batch.
#include <cmath>

#include "mellow/engine/optim/adam.h"
#include "mellow/engine/train/trainer.h"
#include "mellow/models/make_model.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

constexpr int64_t samples = 5, length = 8, epochs = 3;

std::vector<double> losses(const std::string& name, Device device) {
  Context context(strict(device));
  std::vector<float> values;
  for (int64_t i = 0; i < samples * length; ++i)
    values.push_back(static_cast<float>(std::sin(0.7 * static_cast<double>(i * (i / length + 1)))));
  const auto set = make_labelled_set(context, {samples, length, 1}, values, {0, 1, 0, 1, 1}, 2);
  const auto model = make_model(name, {&context}, {.channels = 1, .classes = 2, .length = length});
  initialize(*model, 3);
  FlatParameters flat(*model);
  Adam adam(flat);
  const auto schedule = make_schedule({.rate = 1e-3});
  Trainer trainer({*model, flat, adam, *schedule}, set, {}, {}, {.batch_size = 3, .seed = 2});
  std::vector<double> all;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) all.push_back(trainer.run_epoch()->loss);
  return all;
}

}  // namespace

TEST_CASE("recorded steps train as the CPU does") {
  check_close(losses("inception-time-1", Device::cuda), losses("inception-time-1", Device::cpu), 2e-4,
              "loss");
}
