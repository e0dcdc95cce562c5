// SPDX-License-Identifier: MIT
#pragma once

namespace mellow {

// Label relaxation (Lienen & Hüllermeier 2021): of all labels with at least 1 − alpha on the class, the one
// nearest to the prediction. It has `own` on the class and `others` · p_c elsewhere.
template <class T>
struct RelaxedLabel {
  T own, others;
  bool inside;  // the prediction itself is such a label: no loss
};

// `own` = p_y; `rest` = 1 − p_y, summed over the other classes, so that it keeps its digits.
template <class T>
constexpr RelaxedLabel<T> relaxed_label(T own, T rest, T alpha) {
  if (own >= 1 - alpha) return {own, 1, true};
  return {1 - alpha, alpha / rest, false};
}

}  // namespace mellow
