// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <shared_mutex>

#include "mellow/kernels/cuda/state.h"

namespace mellow::cuda {

// Making or destroying a handle of cuBLAS or cuDNN waits for the whole device, and to wait for a device is
// illegal while any thread records work of it: the call fails, the recording is lost. So recordings hold this
// together, such calls hold it alone. It belongs to the process, as its devices do.
inline std::shared_mutex& recordings() {
  static std::shared_mutex mutex;
  return mutex;
}

// Records the stream's work into a graph from its making until finish(). When the recorded code throws, the
// unfinished recording is dropped.
class Recording {
 public:
  Recording(CudaState& state, GraphMemory& memory) : together_(recordings()), state_(state) {
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
    const Graph dropped(broken);
    cudaGetLastError();  // a broken capture is no error of the next launch
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  Graph finish() {
    state_.captured = nullptr;
    Graph graph;
    CUDA_CHECK(cudaStreamEndCapture(state_.stream, graph.out()));
    return graph;
  }

 private:
  const std::shared_lock<std::shared_mutex> together_;
  CudaState& state_;
};

// The work that a function puts on the stream, recorded to be launched again and again. Blocks of memory that
// it takes or releases belong to the graph while it lives.
class RecordedGraph {
 public:
  template <class F>
  RecordedGraph(CudaState& state, F&& work) : memory_{state} {
    Recording recording(state, memory_.blocks);
    work();
    const Graph graph = recording.finish();
    CUDA_CHECK(cudaGraphInstantiate(executable_.out(), graph, 0));
  }
  RecordedGraph(const RecordedGraph&) = delete;
  RecordedGraph& operator=(const RecordedGraph&) = delete;

  void launch() const { CUDA_CHECK(cudaGraphLaunch(executable_, memory_.state.stream)); }

 private:
  struct Memory {
    CudaState& state;
    GraphMemory blocks = {};
    ~Memory() { state.forget(blocks); }
  };
  Memory memory_;
  GraphExec executable_;
};

}  // namespace mellow::cuda
