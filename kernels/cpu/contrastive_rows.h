// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace mellow::cpu {

// Row work of the contrastive loss between its matrix products. Row i of a panel holds the similarities of
// anchor `i` to `count` candidates; `self` is the anchor's own position among them, which takes no part.

// log Σ exp(s[j]) over j ≠ self. With no other candidate, minus infinity.
template <class T>
double log_sum_exp_except(const T* s, int64_t count, int64_t self);

// s[j] := weight (exp(s[j] − log_sum[j]) + exp(s[j] − own)), and 0 at self: what the anchor's row and the
// column of its similarities weigh candidate j with.
template <class T>
void both_ways(T* s, int64_t count, int64_t self, T own, const T* log_sum, T weight);

}  // namespace mellow::cpu
