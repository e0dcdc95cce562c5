// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/contrastive_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/vector_math.h"

namespace mellow::cpu {
namespace {

template <class T>
MELLOW_CLONES T largest_of(const T* s, int64_t count) {
  T top = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : top)
  for (int64_t j = 0; j < count; ++j) top = s[j] > top ? s[j] : top;
  return top;
}

template <class T>
MELLOW_CLONES T sum_of_exp(const T* s, int64_t count, T top) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < count; ++j) sum += exp_of(s[j] - top);
  return sum;
}

template <class T>
MELLOW_CLONES void add_both(T* s, int64_t count, T own, const T* log_sum, T weight) {
#pragma omp simd
  for (int64_t j = 0; j < count; ++j) s[j] = weight * (exp_of(s[j] - log_sum[j]) + exp_of(s[j] - own));
}

}  // namespace

template <class T>
double log_sum_exp_except(const T* s, int64_t count, int64_t self) {
  const T* after = s + self + 1;
  const int64_t rest = count - self - 1;
  const T top = std::max(largest_of(s, self), largest_of(after, rest));
  if (std::isinf(top)) return static_cast<double>(top);
  const T sum = sum_of_exp(s, self, top) + sum_of_exp(after, rest, top);
  return static_cast<double>(top) + std::log(static_cast<double>(sum));
}

template <class T>
void both_ways(T* s, int64_t count, int64_t self, T own, const T* log_sum, T weight) {
  add_both(s, count, own, log_sum, weight);
  s[self] = 0;
}

template double log_sum_exp_except(const float*, int64_t, int64_t);
template double log_sum_exp_except(const double*, int64_t, int64_t);
template void both_ways(float*, int64_t, int64_t, float, const float*, float);
template void both_ways(double*, int64_t, int64_t, double, const double*, double);

}  // namespace mellow::cpu
