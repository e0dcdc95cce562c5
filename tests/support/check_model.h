// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <functional>

#include "mellow/engine/nn/model.h"
#include "mellow/engine/ops/soft_label_loss.h"
#include "mellow/engine/optim/adam.h"
#include "mellow/tests/support/check_op.h"
#include "mellow/tests/support/goldens.h"

// What every network's test does.
namespace mellow::test {

// Three Adam steps on one batch; returns the losses and, through `first`, lets the first pass be looked at
// after its backward pass.
template <class First>
std::vector<float> three_steps(Classifier& net, FlatParameters& flat, const Tensor& x, const Tensor& labels,
                               First&& first, double learning_rate = 1e-3) {
  Context& context = net.context();
  Adam adam(flat, adam_defaults(net.options().framework));
  const Tensor rate = Tensor::from(context, {1}, std::vector<float>{static_cast<float>(learning_rate)});
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

// The gradient of every parameter, in PyTorch's layout.
inline NamedArrays gradients_of(const Module& net) {
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

inline Tensor golden_labels(Context& context, const Goldens& golden, const std::string& name) {
  const auto labels = golden.labels(name);
  return Tensor::from(context, {static_cast<int64_t>(labels.size())}, labels);
}

// Three steps of a full-size network from the weights by formula: logits, the norm of every parameter's
// gradient, losses.
inline void check_three_steps(Classifier& net, const Goldens& golden, const std::string& prefix,
                              double learning_rate = 1e-3) {
  FlatParameters flat(net);
  const Tensor x = golden.series(net.context(), prefix + "x");
  const Tensor labels = golden_labels(net.context(), golden, prefix + "y");
  const auto losses = three_steps(
      net, flat, x, labels,
      [&](const Tensor& logits) {
        check_golden(logits.to_vector<float>(), golden.values(prefix + "logits"), 1e-4, "logits");
        const auto names = golden.names(prefix + "parameters");
        std::vector<float> norms(names.size());
        REQUIRE(net.parameters().size() == names.size());
        for (const auto& p : net.parameters()) {
          const auto at = std::find(names.begin(), names.end(), p.name);
          REQUIRE(at != names.end());
          double sum = 0;
          for (const float g : p.tensor.grad().to_vector<float>()) sum += static_cast<double>(g) * g;
          norms[static_cast<size_t>(at - names.begin())] = static_cast<float>(std::sqrt(sum));
        }
        check_golden(norms, golden.values(prefix + "grad_norm"), 1e-4, "gradient norms");
      },
      learning_rate);
  check_golden(losses, golden.values(prefix + "losses"), 1e-4, "losses");
}

// A full-size network of resnets.safetensors: evaluation with the running statistics of one pass, then three
// steps.
inline void check_resnets_golden(Classifier& net, const std::string& name, double learning_rate = 1e-3) {
  const Goldens golden("resnets");
  load_state(net, closed_form_state(net, 0.001), "closed form");
  const Tensor x = golden.series(net.context(), name + ".x");
  net.set_training(true);
  net.logits(x);
  net.set_training(false);
  check_golden(net.logits(x).to_vector<float>(), golden.values(name + ".logits_eval_first"), 1e-4,
               "evaluation");
  check_three_steps(net, golden, name + ".", learning_rate);
}

// A small network with its weights stored: evaluation with the running statistics of one pass, every
// gradient, then three steps.
inline void check_small_golden(Classifier& net, const std::string& file, const std::string& prefix) {
  const Goldens golden(file);
  load_state(net, golden.state(prefix + "init."), "golden");
  const Tensor x = golden.series(net.context(), prefix + "x");
  net.set_training(true);
  net.logits(x);
  net.set_training(false);
  check_golden(net.logits(x).to_vector<float>(), golden.values(prefix + "logits_eval_first"), 1e-4,
               "evaluation");
  net.set_training(true);
  {
    Tape tape(net.context());
    const Tensor labels = golden_labels(net.context(), golden, prefix + "y");
    tape.backward(soft_label_loss(net.logits(x), {.labels = labels}, {}));
  }
  for (const auto& [name, array] : gradients_of(net).arrays)
    check_golden(host_values<float>(array, name), golden.values(prefix + "grad." + name), 1e-4,
                 "gradient of " + name);
  check_three_steps(net, golden, prefix);
}

// Backward of a float64 network against central differences; `loss` runs it anew. Samples `per_parameter`
// elements of each parameter evenly.
inline void check_gradients(const Module& net, const std::function<Tensor()>& loss,
                            size_t per_parameter = 12) {
  {
    Tape tape(net.context());
    tape.backward(loss());
  }
  for (const auto& p : net.parameters()) {
    auto values = p.tensor.to_vector<double>();
    const auto gradient = p.tensor.grad().to_vector<double>();
    const size_t stride = std::max<size_t>(1, values.size() / per_parameter);
    for (size_t i = 0; i < values.size(); i += stride) {
      const double center = values[i], step = 1e-6;
      const auto at = [&](double v) {
        values[i] = v;
        p.tensor.copy_from(std::as_bytes(std::span(values)));
        return loss().item<double>();
      };
      const double up = at(center + step), down = at(center - step);
      at(center);
      const double numeric = (up - down) / (2 * step);
      INFO(p.name, " element ", i, ": backward gives ", gradient[i], ", differences give ", numeric);
      CHECK(std::abs(gradient[i] - numeric) <= 1e-5 * std::max(1.0, std::abs(numeric)));
    }
  }
}

// The same for a classifier's loss on random series [4, length, channels].
inline void check_classifier_gradients(Classifier& net, int64_t length, int64_t channels, uint64_t seed) {
  initialize(net, seed);
  net.set_training(true);
  draw_for_step(net.context());
  const Shape shape = {4, length, channels};
  const Tensor x = tensor_of<double>(net.context(), shape, random_values(shape.count(), 5));
  const Tensor labels = Tensor::from(net.context(), {4}, std::vector<int32_t>{0, 1, 2, 1});
  check_gradients(net, [&] { return soft_label_loss(net.logits(x), {.labels = labels}, {}); });
}

}  // namespace mellow::test
