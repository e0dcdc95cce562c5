// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/nn/module.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/engine/optim/schedule.h"
#include "mellow/engine/optim/sgd.h"
#include "mellow/engine/optim/weight_average.h"
#include "mellow/tests/support/devices.h"
#include "mellow/tests/support/goldens.h"

using namespace mellow;
using namespace mellow::test;

namespace {

// Seven weights and nothing else.
class Weights final : public Module {
 public:
  explicit Weights(Context& context) : Module({&context}) { w = parameter("w", {7}, constant(0)); }
  Tensor w;
};

template <class MakeOptimizer>
void check_trajectory(const std::string& name, double rate, MakeOptimizer&& make) {
  const Goldens golden("optim");
  for (const Device device : devices()) {
    CAPTURE(name);
    Context context(strict(device));
    Weights weights(context);
    FlatParameters flat(weights);
    const auto start = golden.values("start");
    weights.w.copy_from(std::as_bytes(std::span(start)));
    WeightAverage average(flat);
    auto optimizer = make(flat);
    const Tensor rate_on_device = Tensor::from(context, {1}, std::vector<float>{static_cast<float>(rate)});
    const auto gradients = golden.values("gradients"), expected = golden.values(name);
    const auto averages = golden.values("swa_of_adamw");
    for (size_t step = 0; step < 20; ++step) {
      weights.w.grad().copy_from(std::as_bytes(std::span(gradients).subspan(step * 7, 7)));
      optimizer->update(flat, rate_on_device,
                        Tensor::from(context, {1}, std::vector<int64_t>{static_cast<int64_t>(step) + 1}));
      average.update(flat);
      const auto at = [&](const std::vector<float>& all) {
        return std::vector<float>(all.begin() + static_cast<int64_t>(step + 1) * 7,
                                  all.begin() + static_cast<int64_t>(step + 2) * 7);
      };
      check_golden(weights.w.to_vector<float>(), at(expected), 1e-5, name + text(" step ", step + 1));
      if (name == "adamw") {
        const auto mean = average.average().window(0, 0, 7).to_vector<float>();
        check_golden(mean, at(averages), 1e-5, text("average after step ", step + 1));
      }
    }
  }
}

}  // namespace

TEST_CASE("optimisers follow PyTorch and Keras for twenty steps") {
  check_trajectory("adam", 0.01, [](auto& flat) { return std::make_unique<Adam>(flat); });
  check_trajectory("adam_keras", 0.01,
                   [](auto& flat) { return std::make_unique<Adam>(flat, adam_defaults(Framework::keras)); });
  check_trajectory("adamw", 0.01, [](auto& flat) {
    return std::make_unique<Adam>(flat, AdamOptions{.weight_decay = 0.01});
  });
  check_trajectory("sgd_momentum", 0.05,
                   [](auto& flat) { return std::make_unique<Sgd>(flat, SgdOptions{.momentum = 0.9}); });
  check_trajectory("sgd_nesterov_decay", 0.05, [](auto& flat) {
    return std::make_unique<Sgd>(flat, SgdOptions{.momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
  });
}

TEST_CASE("schedules give the rates of PyTorch and Keras") {
  const Goldens golden("optim");
  const auto losses = golden.values<double>("plateau.losses"), rates = golden.values<double>("plateau.lrs");
  const auto plateau = make_schedule({.name = "plateau", .rate = 1e-3, .patience = 3});
  for (size_t i = 0; i < losses.size(); ++i) {
    plateau->observe(losses[i]);
    CHECK(plateau->rate(static_cast<int64_t>(i) + 1) == doctest::Approx(rates[i]).epsilon(1e-12));
  }
  const auto copy = make_schedule({.name = "plateau", .rate = 1e-3, .patience = 3});
  copy->restore(plateau->state());
  CHECK(copy->state() == plateau->state());

  const auto cosine = make_schedule({.name = "cosine", .rate = 0.1, .epochs = 20});
  const auto expected = golden.values<double>("schedule.cosine");
  for (size_t i = 0; i < expected.size(); ++i)
    CHECK(cosine->rate(static_cast<int64_t>(i)) == doctest::Approx(expected[i]).epsilon(1e-12));

  const auto steps = make_schedule({.name = "step", .rate = 0.1, .factor = 0.1, .at = {5, 12}});
  const auto drops = golden.values<double>("schedule.multi_step");
  for (size_t i = 0; i < drops.size(); ++i)
    CHECK(steps->rate(static_cast<int64_t>(i)) == doctest::Approx(drops[i]).epsilon(1e-12));
}

TEST_CASE("impossible schedules and optimisers are refused") {
  CHECK_THROWS_AS(make_schedule({.name = "warmup"}), Error);
  CHECK_THROWS_AS(make_schedule({.rate = 0}), Error);
  CHECK_THROWS_AS(make_schedule({.name = "plateau", .factor = 1.5}), Error);
  Context context;
  Weights weights(context);
  FlatParameters flat(weights);
  CHECK_THROWS_AS(Sgd(flat, {.nesterov = true}), Error);
  CHECK_THROWS_AS(Adam(flat, {.beta1 = 1}), Error);

  const Tensor rate = Tensor::from(context, {1}, std::vector<float>{0.1f}),
               first = Tensor::from(context, {1}, std::vector<int64_t>{1}),
               zeroth = Tensor::zeros(context, {1}, DType::i64);
  Adam adam(flat);
  Sgd sgd(flat);
  for (Optimizer* optimizer : {static_cast<Optimizer*>(&adam), static_cast<Optimizer*>(&sgd)}) {
    CHECK_NOTHROW(optimizer->update(flat, rate, first));
    CHECK_THROWS_AS(optimizer->update(flat, Tensor::zeros(context, {0}), first), Error);
    CHECK_THROWS_AS(optimizer->update(flat, Tensor::zeros(context, {1}, DType::f64), first), Error);
    CHECK_THROWS_AS(optimizer->update(flat, Tensor(), first), Error);
    CHECK_THROWS_AS(optimizer->update(flat, rate, zeroth), Error);
    CHECK_THROWS_AS(optimizer->update(flat, rate, rate), Error);
  }
}
