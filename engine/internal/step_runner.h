// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include "mellow/engine/core/backend.h"

namespace mellow::internal {

// What stands behind StepGraph.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  virtual void run(const std::function<void()>& step) = 0;
};

std::unique_ptr<StepRunner> make_step_runner(Cpu& cpu);    // engine/core/step_graph.cpp
std::unique_ptr<StepRunner> make_step_runner(Cuda& cuda);  // kernels/cuda/graph.cpp

}  // namespace mellow::internal
