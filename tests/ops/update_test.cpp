// SPDX-License-Identifier: MIT
#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/update.h"
#include "mellow/tests/support/check_op.h"

using namespace mellow;
using namespace mellow::test;

namespace {

constexpr int64_t count = 1037;  // no multiple of any vector length
constexpr double rate = 0.0625;  // exact in float32
constexpr int steps = 5;

std::vector<double> gradient_at(int t) { return random_values(count, 100 + static_cast<uint64_t>(t)); }

// Runs `update(weight, gradient, step)` for a few steps in type T on each device and checks the weights.
template <class T, class Update>
void check_steps(Update&& update, const std::vector<double>& expected, double tolerance) {
  for (Device device : devices()) {
    if (device == Device::cuda && dtype_of<T> == DType::f64) continue;  // CUDA computes on float32 alone
    CAPTURE(name_of(device));
    Context context(strict(device));
    const Tensor weight = tensor_of<T>(context, {count}, random_values(count, 1));
    const Tensor lr = Tensor::from(context, {1}, std::vector<float>{static_cast<float>(rate)});
    for (int t = 1; t <= steps; ++t) {
      const Tensor step = Tensor::from(context, {1}, std::vector<int64_t>{t});
      update(context, weight, tensor_of<T>(context, {count}, gradient_at(t)), lr, step);
    }
    check_close(to_doubles(weight), expected, tolerance, "weights");
  }
}

std::vector<double> adam_by_the_book(const AdamOptions& o) {
  auto w = random_values(count, 1);
  std::vector<double> m(w.size()), v(w.size());
  for (int t = 1; t <= steps; ++t) {
    const auto g = gradient_at(t);
    for (size_t i = 0; i < w.size(); ++i) {
      w[i] -= rate * o.weight_decay * w[i];
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * g[i];
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * g[i] * g[i];
      const double c1 = 1 - std::pow(o.beta1, t), c2 = 1 - std::pow(o.beta2, t);
      if (o.form == AdamForm::torch)
        w[i] -= rate * (m[i] / c1) / (std::sqrt(v[i] / c2) + o.eps);
      else
        w[i] -= rate * std::sqrt(c2) / c1 * m[i] / (std::sqrt(v[i]) + o.eps);
    }
  }
  return w;
}

template <class T>
void check_adam(const AdamOptions& o, double tolerance) {
  Tensor first, second;
  check_steps<T>(
      [&](Context& context, const Tensor& w, const Tensor& g, const Tensor& lr, const Tensor& step) {
        if (step.item<int64_t>() == 1) {
          first = Tensor::zeros(context, {count}, w.dtype());
          second = Tensor::zeros(context, {count}, w.dtype());
        }
        internal::on_device(context, [&](auto& device) { adam(device, {w, g, first, second}, lr, step, o); });
        if (step.item<int64_t>() == steps) first = second = Tensor();  // before their context goes
      },
      adam_by_the_book(o), tolerance);
}

std::vector<double> sgd_by_the_book(const SgdOptions& o) {
  auto w = random_values(count, 1);
  std::vector<double> v(w.size());
  for (int t = 1; t <= steps; ++t) {
    const auto gradient = gradient_at(t);
    for (size_t i = 0; i < w.size(); ++i) {
      const double g = gradient[i] + o.weight_decay * w[i];
      v[i] = t == 1 ? g : o.momentum * v[i] + g;
      const double direction = o.momentum == 0 ? g : o.nesterov ? g + o.momentum * v[i] : v[i];
      w[i] -= rate * direction;
    }
  }
  return w;
}

template <class T>
void check_sgd(const SgdOptions& o, double tolerance) {
  Tensor velocity;
  check_steps<T>(
      [&](Context& context, const Tensor& w, const Tensor& g, const Tensor& lr, const Tensor& step) {
        // Fresh memory is NaN here: step 1 must not read it.
        if (step.item<int64_t>() == 1 && o.momentum != 0)
          velocity = Tensor::empty(context, {count}, w.dtype());
        internal::on_device(context, [&](auto& device) { sgd(device, w, g, velocity, lr, step, o); });
        if (step.item<int64_t>() == steps) velocity = Tensor();
      },
      sgd_by_the_book(o), tolerance);
}

}  // namespace

TEST_CASE("adam: both forms, with and without decoupled decay") {
  for (AdamForm form : {AdamForm::torch, AdamForm::keras})
    for (double decay : {0.0, 0.1})
      for (double eps : {1e-8, 1e-2}) {
        const AdamOptions o{.beta1 = 0.8, .beta2 = 0.99, .eps = eps, .weight_decay = decay, .form = form};
        check_adam<double>(o, 1e-13);
        check_adam<float>(o, 2e-6);
      }
}

TEST_CASE("sgd: momentum, Nesterov, decay") {
  for (const SgdOptions& o : {SgdOptions{}, SgdOptions{.weight_decay = 0.01}, SgdOptions{.momentum = 0.9},
                              SgdOptions{.momentum = 0.9, .weight_decay = 0.01, .nesterov = true}}) {
    check_sgd<double>(o, 1e-14);
    check_sgd<float>(o, 1e-6);
  }
}

TEST_CASE("average_weights: the mean of all weights seen") {
  Context context(strict(Device::cpu));
  const Tensor average = Tensor::empty(context, {3}, DType::f64),
               updates = Tensor::zeros(context, {1}, DType::i64);
  average.zero();
  for (int t = 0; t < 4; ++t)
    average_weights(context.cpu(), average,
                    Tensor::from(context, {3}, std::vector<double>{1.0 * t, 2.0 * t, -4.0}), updates);
  CHECK(updates.item<int64_t>() == 4);
  check_close(average.to_vector<double>(), {1.5, 3, -4}, 1e-15, "average");
}

TEST_CASE("follow_weights: a moving average that forgets its start") {
  for (const double decay : {0.0, 0.6, 0.999}) {
    CAPTURE(decay);
    auto expected = random_values(count, 1);
    for (int t = 1; t <= steps; ++t) {
      const double kept = std::min(1 - 1 / (t + 1.0), decay);  // ½ at the first update, if decay allows
      const auto now = gradient_at(t);
      for (size_t i = 0; i < expected.size(); ++i) expected[i] = kept * expected[i] + (1 - kept) * now[i];
    }
    const auto follow = [&](Context& context, const Tensor& average, const Tensor& weight, const Tensor&,
                            const Tensor& step) {
      internal::on_device(context,
                          [&](auto& device) { follow_weights(device, average, weight, step, decay); });
    };
    check_steps<double>(follow, expected, 1e-14);
    check_steps<float>(follow, expected, 1e-6);
  }
}

TEST_CASE("follow_weights: never the plain mean for longer than the decay allows") {
  for (Device device : devices()) {
    Context context(strict(device));
    const Tensor weight = Tensor::from(context, {1}, std::vector<float>{1});
    for (const int64_t step : {int64_t{998}, int64_t{999}, int64_t{1'000'000}}) {
      const Tensor average = Tensor::zeros(context, {1});
      internal::on_device(context, [&](auto& backend) {
        follow_weights(backend, average, weight, Tensor::from(context, {1}, std::vector<int64_t>{step}),
                       0.999);
      });
      const double fresh = step == 998 ? 1 / 999.0 : 0.001;
      CHECK(static_cast<double>(average.item<float>()) == doctest::Approx(fresh).epsilon(1e-5));
    }
  }
}

TEST_CASE("update: what does not fit is refused") {
  Context context(strict(Device::cpu));
  const Tensor w = Tensor::zeros(context, {4}), wide = Tensor::zeros(context, {5});
  const Tensor lr = Tensor::zeros(context, {1}), step = Tensor::from(context, {1}, std::vector<int64_t>{1});
  CHECK_THROWS_AS(adam(context.cpu(), {w, wide, w, w}, lr, step, {}), Error);
  CHECK_THROWS_AS(adam(context.cpu(), {w, w, w, Tensor()}, lr, step, {}), Error);
  CHECK_THROWS_AS(adam(context.cpu(), {w, w, w, w}, step, lr, {}), Error);
  CHECK_THROWS_AS(sgd(context.cpu(), w, w, {}, lr, step, {.momentum = 0.5}), Error);
  CHECK_NOTHROW(sgd(context.cpu(), w, w, {}, lr, step, {}));
  CHECK_THROWS_AS(follow_weights(context.cpu(), w, wide, step, 0.9), Error);
  CHECK_THROWS_AS(average_weights(context.cpu(), w, Tensor::zeros(context, {4}, DType::f64), step), Error);
}
