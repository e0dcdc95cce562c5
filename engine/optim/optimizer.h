// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mellow/engine/nn/flat_parameters.h"

namespace mellow {

// Updates the flat parameters in place. Rate (f32 [1]) and step number (i64 [1], from 1) lie on the device.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual void update(const FlatParameters& parameters, const Tensor& rate, const Tensor& step) = 0;
  // Everything that must be saved to go on later, by name.
  virtual std::vector<std::pair<std::string, Tensor>> state() = 0;
};

// Throws, naming `where`, unless rate is f32 [1] and step i64 [1] and, on the CPU where looking costs
// nothing, at least 1: at step 0 bias corrections divide by 0.
void check_update(const char* where, const Tensor& rate, const Tensor& step);

}  // namespace mellow
