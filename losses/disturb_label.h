// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// The labels of an epoch: each is replaced with probability `share` by another class, all alike. Depends on
// (seed, epoch, sample) alone.
std::vector<int32_t> disturbed_labels(std::span<const int32_t> labels, int64_t classes, double share,
                                      uint64_t seed, int64_t epoch);

Method disturb_label_method();

inline void register_disturb_label(LossesTable& table) { table.methods.push_back(disturb_label_method()); }

}  // namespace mellow
