// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/nn/state.h"
#include "mellow/models/inception_time.h"
#include "mellow/tests/support/check_model.h"

using namespace mellow;
using namespace mellow::test;

namespace {

struct Case {
  const char* prefix;
  InceptionTimeConfig config;
  Framework framework;
};

const Case small_cases[] = {
    {"a.", {.channels = 1, .classes = 3, .depth = 6, .filters = 4}, Framework::torch},
    {"b.", {.channels = 3, .classes = 2, .depth = 3, .filters = 4}, Framework::keras},
};

// With one input channel these two only scale a channel that batch norm scales back: their gradient is
// rounding noise, which Adam turns into steps of up to one learning rate.
bool is_scale_invariant(const std::string& name, int64_t channels) {
  return channels == 1 && (name == "blocks.0.pool_conv.weight" || name == "shortcuts.0.conv.weight");
}

}  // namespace

TEST_CASE("inception-time: parameter counts of the authors' network") {
  Context context;
  const auto count = [&](int64_t depth, int64_t channels, int64_t classes) {
    return InceptionTime({&context}, {.channels = channels, .classes = classes, .depth = depth})
        .parameter_count();
  };
  CHECK(count(6, 1, 2) == 420450);
  CHECK(count(3, 1, 2) == 163426);
  CHECK(count(2, 1, 2) == 82914);
  CHECK(count(1, 1, 2) == 2786);
  CHECK(count(6, 1, 60) == 420192 + 129 * 60);
  CHECK(count(6, 3, 2) == 490306);
  int64_t running = 0;
  const InceptionTime full({&context}, {.depth = 6});
  for (const auto& buffer : full.buffers()) running += buffer.tensor.count();
  CHECK(running == 2048);
}

TEST_CASE("inception-time: forward, loss, gradients and three steps agree with PyTorch") {
  const Goldens golden("inception_time");
  for (const Device device : devices()) {
    for (const Case& c : small_cases) {
      CAPTURE(c.prefix);
      CAPTURE(name_of(device));
      Context context(strict(device));
      InceptionTime net({&context, DType::f32, c.framework}, c.config);
      const std::string p = c.prefix;
      load_state(net, golden.state(p + "init."), "golden");
      FlatParameters flat(net);
      const Tensor x = golden.series(context, p + "x");
      const Tensor labels = golden_labels(context, golden, p + "y");
      const auto losses = three_steps(net, flat, x, labels, [&](const Tensor& logits) {
        check_golden(logits.to_vector<float>(), golden.values(p + "logits"), 1e-4, "logits");
        for (const auto& [name, array] : gradients_of(net).arrays)
          check_golden(host_values<float>(array, name), golden.values(p + "grad." + name), 1e-4,
                       "gradient of " + name);
      });
      check_golden(losses, golden.values(p + "losses"), 1e-4, "losses");
      const NamedArrays final = state_of(net);
      for (const auto& [name, array] : final.arrays) {
        const auto expected = golden.values(p + "final." + name);
        std::vector<float> got(expected.size());
        std::memcpy(got.data(), array.bytes.data(), array.bytes.size());
        if (is_scale_invariant(name, c.config.channels)) {
          for (size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) <= 3 * 2e-3f);
        } else {
          check_golden(got, expected, 1e-4, "after three steps, " + name);
        }
      }
      check_golden(net.logits(x).to_vector<float>(), golden.values(p + "logits_eval"), 1e-4,
                   "evaluation after training");
    }
  }
}

TEST_CASE("inception-time: full-size networks agree with PyTorch") {
  const Goldens golden("inception_time_full");
  for (const Device device : devices()) {
    for (const int64_t depth : {6, 3, 2, 1}) {
      CAPTURE(depth);
      Context context(strict(device));
      InceptionTime net({&context}, {.channels = 1, .classes = 4, .depth = depth});
      load_state(net, closed_form_state(net), "closed form");
      const std::string p = text("depth", depth, ".");
      check_three_steps(net, golden, p);
      const Tensor x = golden.series(context, p + "x");
      check_golden(net.logits(x).to_vector<float>(), golden.values(p + "logits_eval"), 1e-4, "evaluation");
    }
  }
}

TEST_CASE("inception-time: a step holds at most twelve block outputs") {
  Context context(strict(Device::cpu, 1));
  constexpr int64_t batch = 32, length = 128;
  InceptionTime net({&context}, {.channels = 1, .classes = 2, .depth = 6});
  initialize(net, 1);
  net.set_training(true);
  const FlatParameters flat(net);
  const Tensor x = tensor_of<float>(context, {batch, length, 1}, random_values(batch * length, 6));
  const Tensor labels = Tensor::from(context, {batch}, std::vector<int32_t>(batch, 1));
  const size_t before = context.memory().in_use;
  Tape tape(context);
  tape.backward(soft_label_loss(net.logits(x), {.labels = labels}, {}));
  // What five of the six norms read, one shortcut's convolution, the two sums, a quarter in each bottleneck:
  // nine and a quarter, and backward's own. Were nothing dropped, it would be 22.
  const double output = batch * length * 128 * sizeof(float);
  CHECK(static_cast<double>(context.memory().peak - before) / output < 12);
}

TEST_CASE("inception-time: gradient of the whole network against finite differences in float64") {
  Context context(strict(Device::cpu));
  for (const int64_t channels : {1, 2}) {
    InceptionTime net({&context, DType::f64},
                      {.channels = channels, .classes = 3, .depth = 3, .filters = 2, .kernel = 8});
    check_classifier_gradients(net, 9, channels, 3);
  }
}
