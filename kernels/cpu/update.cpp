// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/update.h"

#include <algorithm>

#include "mellow/kernels/cpu/adam_range.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"
#include "mellow/kernels/update_checks.h"

namespace mellow {
namespace {

template <class T>
struct SgdStep {
  T rate, decay;
  T carry;     // velocity := carry · velocity + g
  T old, now;  // w -= rate · (old · velocity + now · g): the velocity, or Nesterov's look ahead
};

template <class T>
MELLOW_CLONES void sgd_range(int64_t n, SgdStep<T> s, const T* gradient, T* weight, T* velocity) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T g = gradient[i] + s.decay * weight[i];
    const T v = s.carry == 0 ? g : s.carry * velocity[i] + g;  // step 1 does not read the velocity
    velocity[i] = v;
    weight[i] -= s.rate * (s.old * v + s.now * g);
  }
}

}  // namespace

void adam(Cpu& cpu, const AdamArrays& a, const Tensor& rate, const Tensor& step, const AdamOptions& options) {
  internal::check_flat("adam", a.weight, {&a.gradient, &a.first, &a.second});
  const double lr = *rate.data<float>(), t = static_cast<double>(*step.data<int64_t>());
  cpu::for_float("adam", a.weight.dtype(), [&]<class T>() {
    const auto s = cpu::adam_step<T>(options, lr, t);
    const T* g = a.gradient.data<T>();
    T *w = a.weight.data<T>(), *m = a.first.data<T>(), *v = a.second.data<T>();
    cpu::parallel_for(cpu, a.weight.count(), cpu::elementwise_grain, [&](int64_t begin, int64_t end) {
      cpu::adam_range(end - begin, s, g + begin, w + begin, m + begin, v + begin);
    });
  });
}

void sgd(Cpu& cpu, const Tensor& weight, const Tensor& gradient, const Tensor& velocity, const Tensor& rate,
         const Tensor& step, const SgdOptions& options) {
  internal::check_flat("sgd", weight, {&gradient});
  if (options.momentum != 0) internal::check_flat("sgd", weight, {&velocity});
  const bool first = *step.data<int64_t>() == 1;
  cpu::for_float("sgd", weight.dtype(), [&]<class T>() {
    const T lr = static_cast<T>(*rate.data<float>()), decay = static_cast<T>(options.weight_decay);
    if (options.momentum == 0) {
      const auto stepped = [=](T w, T g) { return w - lr * (g + decay * w); };
      cpu::map<T>(cpu, "sgd", stepped, false, weight, weight, gradient);
      return;
    }
    const T momentum = static_cast<T>(options.momentum);
    const SgdStep<T> s{lr, decay, first ? T{0} : momentum, options.nesterov ? momentum : T{1},
                       options.nesterov ? T{1} : T{0}};
    const T* g = gradient.data<T>();
    T *w = weight.data<T>(), *v = velocity.data<T>();
    cpu::parallel_for(cpu, weight.count(), cpu::elementwise_grain, [&](int64_t begin, int64_t end) {
      sgd_range(end - begin, s, g + begin, w + begin, v + begin);
    });
  });
}

void average_weights(Cpu& cpu, const Tensor& average, const Tensor& weight, const Tensor& updates) {
  internal::check_flat("average_weights", average, {&weight});
  int64_t& seen = *updates.data<int64_t>();
  cpu::for_float("average_weights", average.dtype(), [&]<class T>() {
    const T divisor = static_cast<T>(seen + 1);
    const auto moved = [divisor](T a, T w) { return a + (w - a) / divisor; };
    cpu::map<T>(cpu, "average_weights", moved, false, average, average, weight);
  });
  ++seen;
}

void follow_weights(Cpu& cpu, const Tensor& average, const Tensor& weight, const Tensor& step, double decay) {
  internal::check_flat("follow_weights", average, {&weight});
  const double kept = std::min(1 - 1 / static_cast<double>(*step.data<int64_t>() + 1), decay);
  cpu::for_float("follow_weights", average.dtype(), [&]<class T>() {
    const T old = static_cast<T>(kept), fresh = static_cast<T>(1 - kept);
    const auto moved = [=](T a, T w) { return old * a + fresh * w; };
    cpu::map<T>(cpu, "follow_weights", moved, false, average, average, weight);
  });
}

}  // namespace mellow
