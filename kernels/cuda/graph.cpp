// SPDX-License-Identifier: MIT
#include <utility>

#include "mellow/engine/internal/step_runner.h"
#include "mellow/kernels/cuda/state.h"

namespace mellow {
namespace {

// Records the stream's work into a graph from its making until finish(). When the recorded code throws, the
// unfinished recording is dropped.
class Recording {
 public:
  Recording(CudaState& state, cuda::GraphMemory& memory) : state_(state) {
    // Thread-local: contexts in other threads may allocate meanwhile. This thread's own allocations are let
    // through one by one (RelaxedCapture in backend.cpp).
    CUDA_CHECK(cudaStreamBeginCapture(state.stream, cudaStreamCaptureModeThreadLocal));
    state_.captured = &memory;
  }
  ~Recording() {
    if (state_.captured == nullptr) return;
    state_.captured = nullptr;
    cudaGraph_t broken = nullptr;
    cudaStreamEndCapture(state_.stream, &broken);
    const cuda::Graph dropped(broken);
    cudaGetLastError();  // a broken capture is no error of the next launch
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  cuda::Graph finish() {
    state_.captured = nullptr;
    cuda::Graph graph;
    CUDA_CHECK(cudaStreamEndCapture(state_.stream, graph.out()));
    return graph;
  }

 private:
  CudaState& state_;
};

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
      Recording recording(state_, memory_);
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
