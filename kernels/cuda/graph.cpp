// SPDX-License-Identifier: MIT
#include <utility>

#include "mellow/engine/internal/step_runner.h"
#include "mellow/kernels/cuda/recording.h"

namespace mellow {
namespace {

class ReplayedStep final : public internal::StepRunner {
 public:
  explicit ReplayedStep(CudaState& state) : state_(state) {}
  ~ReplayedStep() override { state_.forget(memory_); }

  void run(const std::function<void()>& step) override {
    state_.require_no_capture("another step graph");
    state_.make_current();
    if (!warm_) {
      step();  // fills the pool, makes the libraries' plans, loads the kernels: none of it may be recorded
      warm_ = true;
      return;
    }
    if (executable_ == nullptr) record(step);
    CUDA_CHECK(cudaGraphLaunch(executable_, state_.stream));
  }

 private:
  void record(const std::function<void()>& step) {
    try {
      cuda::Recording recording(state_, memory_);
      step();
      const cuda::Graph graph = recording.finish();
      CUDA_CHECK(cudaGraphInstantiate(executable_.out(), graph, 0));
    } catch (...) {
      state_.forget(memory_);
      throw;
    }
  }

  CudaState& state_;
  cuda::GraphMemory memory_;
  cuda::GraphExec executable_;
  bool warm_ = false;
};

}  // namespace

namespace internal {

std::unique_ptr<StepRunner> make_step_runner(Cuda& cuda) {
  return std::make_unique<ReplayedStep>(cuda.state());
}

}  // namespace internal
}  // namespace mellow
