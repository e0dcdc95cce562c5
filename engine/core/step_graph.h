// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include "mellow/engine/core/context.h"

namespace mellow {

namespace internal {
class StepRunner;
}

// Repeats one step (gather, forward, loss, backward, update) of fixed shapes with as little host work as the
// device allows. On the CPU every run calls the step. On CUDA the first run calls it, the second records its
// device work as a CUDA graph, and every later run replays that graph without calling the step. So on CUDA
//   - a step touches the same tensors each time; what changes between steps lies on the device;
//   - it neither reads results to the host nor copies values from it: both throw while it is recorded;
//   - memory the recorded step used stays its own while this object lives.
// One object per step and batch shape. Must not outlive its context.
class StepGraph {
 public:
  explicit StepGraph(Context& context);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // An exception of the step passes through; the next run starts where this one did.
  void run(const std::function<void()>& step);

 private:
  std::unique_ptr<internal::StepRunner> runner_;
};

}  // namespace mellow
