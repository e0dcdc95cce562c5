// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/models/inception_time.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/goldens.h"

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

// Three Adam steps on one batch; returns the losses and, through `first`, lets the first pass be looked at.
template <class First>
std::vector<float> three_steps(InceptionTime& net, FlatParameters& flat, const Tensor& x,
                               const Tensor& labels, First&& first) {
  Context& context = net.context();
  Adam adam(flat, adam_defaults(net.options().framework));
  const Tensor rate = Tensor::from(context, {1}, std::vector<float>{1e-3f});
  std::vector<float> losses;
  net.set_training(true);
  for (int64_t step = 1; step <= 3; ++step) {
    flat.gradients().zero();
    Tape tape(context);
    const Tensor logits = net.logits(x);
    const Tensor loss = soft_label_loss(logits, {.labels = labels}, {});
    losses.push_back(loss.item<float>());
    tape.backward(loss);
    if (step == 1) first(logits);
    adam.update(flat, rate, Tensor::from(context, {1}, std::vector<int64_t>{step}));
  }
  net.set_training(false);
  return losses;
}

NamedArrays gradients_of(const Module& net) {
  NamedArrays all;
  for (auto entry : net.parameters()) {
    entry.tensor = entry.tensor.grad();
    const Shape& s = entry.tensor.shape();
    std::vector<float> values = entry.tensor.to_vector<float>();
    if (entry.layout == FileLayout::conv_weight) {
      std::vector<float> turned(values.size());
      for (int64_t o = 0; o < s[0]; ++o)
        for (int64_t k = 0; k < s[1]; ++k)
          for (int64_t i = 0; i < s[2]; ++i)
            turned[static_cast<size_t>((o * s[2] + i) * s[1] + k)] =
                values[static_cast<size_t>((o * s[1] + k) * s[2] + i)];
      values = turned;
    }
    all.arrays.emplace_back(entry.name, host_array(values));
  }
  return all;
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
      const auto y = golden.labels(p + "y");
      const Tensor labels = Tensor::from(context, {static_cast<int64_t>(y.size())}, y);
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
      FlatParameters flat(net);
      const std::string p = text("depth", depth, ".");
      const Tensor x = golden.series(context, p + "x");
      const auto y = golden.labels(p + "y");
      const Tensor labels = Tensor::from(context, {static_cast<int64_t>(y.size())}, y);
      const auto losses = three_steps(net, flat, x, labels, [&](const Tensor& logits) {
        check_golden(logits.to_vector<float>(), golden.values(p + "logits"), 1e-4, "logits");
      });
      check_golden(losses, golden.values(p + "losses"), 1e-4, "losses");
      check_golden(net.logits(x).to_vector<float>(), golden.values(p + "logits_eval"), 1e-4, "evaluation");
    }
  }
}

TEST_CASE("inception-time: gradient of the whole network against finite differences in float64") {
  Context context(strict(Device::cpu));
  for (const int64_t channels : {1, 2}) {
    InceptionTime net({&context, DType::f64},
                      {.channels = channels, .classes = 3, .depth = 3, .filters = 2, .kernel = 8});
    initialize(net, 3);
    net.set_training(true);
    const Shape shape = {4, 9, channels};
    const Tensor x = tensor_of<double>(context, shape, random_values(shape.count(), 5));
    const Tensor labels = Tensor::from(context, {4}, std::vector<int32_t>{0, 1, 2, 1});
    const auto loss_now = [&] {
      return soft_label_loss(net.logits(x), {.labels = labels}, {}).item<double>();
    };
    {
      Tape tape(context);
      tape.backward(soft_label_loss(net.logits(x), {.labels = labels}, {}));
    }
    for (const auto& p : net.parameters()) {
      auto values = p.tensor.to_vector<double>();
      const auto gradient = p.tensor.grad().to_vector<double>();
      const size_t stride = std::max<size_t>(1, values.size() / 12);
      for (size_t i = 0; i < values.size(); i += stride) {
        const double center = values[i], step = 1e-6;
        const auto at = [&](double v) {
          values[i] = v;
          p.tensor.copy_from(std::as_bytes(std::span(values)));
          return loss_now();
        };
        const double up = at(center + step), down = at(center - step);
        at(center);
        const double numeric = (up - down) / (2 * step);
        INFO(p.name, " element ", i, ": backward gives ", gradient[i], ", differences give ", numeric);
        CHECK(std::abs(gradient[i] - numeric) <= 1e-5 * std::max({1.0, std::abs(numeric)}));
      }
    }
  }
}
