// SPDX-License-Identifier: MIT
#include <optional>

#include "mellow/engine/internal/step_runner.h"
#include "mellow/kernels/cuda/recording.h"

namespace mellow {
namespace {

class ReplayedStep final : public internal::StepRunner {
 public:
  explicit ReplayedStep(CudaState& state) : state_(state) {}

  void run(const std::function<void()>& step) override {
    state_.require_no_capture("another step graph");
    state_.make_current();
    if (!warm_) {
      step();  // fills the pool, makes the libraries' plans, loads the kernels: none of it may be recorded
      warm_ = true;
      return;
    }
    if (!graph_) graph_.emplace(state_, step);
    graph_->launch();
  }

 private:
  CudaState& state_;
  std::optional<cuda::RecordedGraph> graph_;
  bool warm_ = false;
};

}  // namespace

namespace internal {

std::unique_ptr<StepRunner> make_step_runner(Cuda& cuda) {
  return std::make_unique<ReplayedStep>(cuda.state());
}

}  // namespace internal
}  // namespace mellow
