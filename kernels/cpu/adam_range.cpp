// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/adam_range.h"

#include <cmath>

#include "mellow/kernels/cpu/clones.h"

namespace mellow::cpu {
namespace {

template <class T>
MELLOW_CLONES void step_over(int64_t n, AdamStep<T> s, const T* gradient, T* weight, T* first, T* second) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T g = gradient[i];
    const T m = s.beta1 * first[i] + s.rest1 * g;
    const T v = s.beta2 * second[i] + s.rest2 * g * g;
    first[i] = m;
    second[i] = v;
    weight[i] = s.shrink * weight[i] - s.rate * m / (s.root * std::sqrt(v) + s.eps);
  }
}

}  // namespace

template <class T>
AdamStep<T> adam_step(const AdamOptions& o, double lr, double t) {
  const double correct1 = 1 - std::pow(o.beta1, t), correct2 = 1 - std::pow(o.beta2, t);
  const bool keras = o.form == AdamForm::keras;
  const double rate = keras ? lr * std::sqrt(correct2) / correct1 : lr / correct1;
  const double root = keras ? 1 : 1 / std::sqrt(correct2);
  return {static_cast<T>(o.beta1),
          static_cast<T>(1 - o.beta1),
          static_cast<T>(o.beta2),
          static_cast<T>(1 - o.beta2),
          static_cast<T>(1 - lr * o.weight_decay),
          static_cast<T>(rate),
          static_cast<T>(root),
          static_cast<T>(o.eps)};
}

template <class T>
void adam_range(int64_t n, const AdamStep<T>& step, const T* gradient, T* weight, T* first, T* second) {
  step_over(n, step, gradient, weight, first, second);
}

template AdamStep<float> adam_step(const AdamOptions&, double, double);
template AdamStep<double> adam_step(const AdamOptions&, double, double);
template void adam_range(int64_t, const AdamStep<float>&, const float*, float*, float*, float*);
template void adam_range(int64_t, const AdamStep<double>&, const double*, double*, double*, double*);

}  // namespace mellow::cpu
