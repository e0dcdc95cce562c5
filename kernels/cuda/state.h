// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "mellow/engine/core/backend.h"
#include "mellow/engine/core/memory_pool.h"
#include "mellow/kernels/cuda/check.h"

namespace mellow {
namespace cuda {

struct CudnnState;   // handle and plans: known to cudnn_plan.cpp alone
struct ConvChoices;  // who computes which convolution: known to conv1d_choice.cpp alone

// What a captured graph reads and writes between its replays: blocks that were allocated or released while it
// was captured. They must not serve anyone else while the graph lives. Blocks wait here by size class.
struct GraphMemory {
  std::map<size_t, std::vector<void*>> waiting;
};

// Two pinned buffers that host copies pass through in turns.
struct Staging {
  static constexpr size_t size = size_t{1} << 20;
  struct Buffer {
    Pinned memory;
    Event free;  // recorded behind the copy that reads the buffer
  };
  std::array<Buffer, 2> buffers;
};

}  // namespace cuda

// What stands behind class Cuda. One stream: whatever is released can be handed out again at once, because
// the next user's work queues up behind the last user's.
struct CudaState {
  explicit CudaState(const Cuda::Options& options);
  ~CudaState();

  // The calling thread's current device := this one. Every entry into the backend starts with it.
  void make_current() const { CUDA_CHECK(cudaSetDevice(options.device)); }
  bool capturing() const { return captured != nullptr; }
  // Throws when a step is being captured; `what` cannot be part of one.
  void require_no_capture(const char* what) const;

  // Memory for class Cuda: from the pool, or from the captured graph's own blocks.
  void* take(size_t bytes);
  void give_back(void* block, size_t bytes) noexcept;
  // The graph is gone: its blocks serve everyone again.
  void forget(cuda::GraphMemory& memory) noexcept;

  Cuda::Options options;
  cuda::Stream own_stream;
  cudaStream_t stream = nullptr;  // own_stream or the caller's
  std::string name;               // of the GPU
  int multiprocessors = 0;
  size_t shared_memory_per_block = 0;  // bytes, with opt-in
  bool tensor_cores = false;           // that multiply tf32 and bf16: compute capability 8.0

  MemoryPool pool;
  cuda::Staging staging;

  std::unordered_map<void*, cuda::GraphMemory*> graph_blocks;  // owner of each graph's block
  cuda::GraphMemory* captured = nullptr;                       // of the graph being captured

  unsigned* counters = nullptr;      // of the pool, made at first use: block_counters_of
  void* cublas_workspace = nullptr;  // of the pool
  cuda::Cublas cublas;               // made at first use: cublas_of
  std::shared_ptr<cuda::CudnnState> cudnn;
  std::shared_ptr<cuda::ConvChoices> conv_choices;
};

namespace cuda {

// Scratch memory of a launcher, given back when it leaves: later work of the stream may reuse it.
class Scratch {
 public:
  Scratch(Cuda& cuda, size_t bytes)
      : cuda_(cuda), bytes_(bytes), block_(bytes == 0 ? nullptr : cuda.allocate(bytes)) {}
  ~Scratch() {
    if (block_ != nullptr) cuda_.release(block_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* data() const {
    return static_cast<T*>(block_);
  }

 private:
  Cuda& cuda_;
  size_t bytes_;
  void* block_;
};

// Counters for last_block.cuh, zero between kernels. A context's kernels run one after another and share
// them.
constexpr int64_t block_counters = 65535;
unsigned* block_counters_of(Cuda& cuda);

// The context's cuBLAS handle: its stream, a fixed workspace (same bytes every run).
cublasHandle_t cublas_of(Cuda& cuda);

}  // namespace cuda
}  // namespace mellow
