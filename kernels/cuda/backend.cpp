// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "mellow/engine/core/error.h"
#include "mellow/engine/internal/device_report.h"
#include "mellow/kernels/cuda/recording.h"

namespace mellow {
namespace {

// cuBLAS's own recommendation for Hopper; smaller GPUs need less.
constexpr size_t cublas_workspace_bytes = size_t{32} << 20;
constexpr size_t counter_bytes = cuda::block_counters * sizeof(unsigned);
constexpr int lowest_capability = 75;  // what CUDA 13 can still compile for

// Lets this thread take and free memory while it captures: that is not part of the graph. Without it either
// call would be refused, and the capture lost.
class RelaxedCapture {
 public:
  RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }  // unchecked: memory is freed here, too
  ~RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

void* device_memory(const CudaState& state, size_t bytes) {
  state.make_current();
  const RelaxedCapture relaxed;
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // the pool reports it: the next launch must not
    return nullptr;
  }
  cuda::check(status, "cudaMalloc");
  return block;
}

void free_device_memory(void* block) {
  const RelaxedCapture relaxed;
  cudaFree(block);
}

void check_device(int device) {
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess)
    throw Error(text("[cuda] no usable GPU: ", cuda::explain(status)), ErrorKind::device);
  MELLOW_CHECK(device >= 0 && device < count, "[cuda] GPU ", device, " was asked for, there are ", count,
               ", numbered from 0");
}

// The next of the two buffers, once the copy that read it last is done.
cuda::Staging::Buffer& free_buffer(cuda::Staging& staging) {
  std::swap(staging.buffers[0], staging.buffers[1]);
  cuda::Staging::Buffer& buffer = staging.buffers[0];
  if (buffer.memory == nullptr) {
    CUDA_CHECK(cudaMallocHost(buffer.memory.out(), cuda::Staging::size));
    CUDA_CHECK(cudaEventCreateWithFlags(buffer.free.out(), cudaEventDisableTiming));
  }
  CUDA_CHECK(cudaEventSynchronize(buffer.free));
  return buffer;
}

}  // namespace

CudaState::CudaState(const Cuda::Options& asked)
    : options(asked),
      pool({[this](size_t bytes) { return device_memory(*this, bytes); }, free_device_memory},
           asked.memory_limit) {
  check_device(options.device);
  make_current();
  cudaDeviceProp properties{};
  CUDA_CHECK(cudaGetDeviceProperties(&properties, options.device));
  name = properties.name;
  multiprocessors = properties.multiProcessorCount;
  shared_memory_per_block = properties.sharedMemPerBlockOptin;
  tensor_cores = properties.major >= 8;
  stream = static_cast<cudaStream_t>(options.stream);
  if (stream == nullptr) {
    CUDA_CHECK(cudaStreamCreateWithFlags(own_stream.out(), cudaStreamNonBlocking));
    stream = own_stream;
  }
}

CudaState::~CudaState() {
  cudaSetDevice(options.device);
  cudaStreamSynchronize(stream);
  {
    const std::unique_lock alone(cuda::recordings());
    cudnn.reset();
    cublas = cuda::Cublas();
  }
  pool.release(cublas_workspace, cublas_workspace_bytes);
  pool.release(counters, counter_bytes);
}

void CudaState::require_no_capture(const char* what) const {
  MELLOW_CHECK(
      !capturing(), "[cuda] ", what,
      " cannot be part of a captured step: a step stays on the device, and its first run, which is not "
      "captured, does the same work as the second");
}

void* CudaState::take(size_t bytes) {
  if (!capturing()) return pool.allocate(bytes);
  auto& waiting = captured->waiting[MemoryPool::size_class(bytes)];
  if (waiting.empty()) {
    void* block = pool.allocate(bytes);
    graph_blocks[block] = captured;
    return block;
  }
  void* block = waiting.back();
  waiting.pop_back();
  return block;
}

void CudaState::give_back(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  if (capturing()) graph_blocks.try_emplace(block, captured);
  if (const auto found = graph_blocks.find(block); found != graph_blocks.end())
    found->second->waiting[MemoryPool::size_class(bytes)].push_back(block);
  else
    pool.release(block, bytes);
}

void CudaState::forget(cuda::GraphMemory& memory) noexcept {
  std::erase_if(graph_blocks, [&](const auto& entry) { return entry.second == &memory; });
  for (const auto& [size, blocks] : memory.waiting)
    for (void* block : blocks) pool.release(block, size);
  memory.waiting.clear();
}

Cuda::Cuda(const Options& options) : state_(std::make_unique<CudaState>(options)) {}
Cuda::~Cuda() = default;

void* Cuda::allocate(size_t bytes) {
  void* block = state_->take(bytes);
  if (state_->options.poison && bytes > 0) {
    state_->make_current();
    CUDA_CHECK(cudaMemsetAsync(block, 0xFF, bytes, state_->stream));  // every float format reads this as NaN
  }
  return block;
}

void Cuda::release(void* block, size_t bytes) noexcept { state_->give_back(block, bytes); }

void Cuda::copy_in(void* to, const void* host, size_t bytes) {
  state_->require_no_capture("a copy from the host");
  state_->make_current();
  for (size_t done = 0; done < bytes; done += cuda::Staging::size) {
    const size_t part = std::min(bytes - done, cuda::Staging::size);
    cuda::Staging::Buffer& buffer = free_buffer(state_->staging);
    std::memcpy(buffer.memory, static_cast<const std::byte*>(host) + done, part);
    CUDA_CHECK(cudaMemcpyAsync(static_cast<std::byte*>(to) + done, buffer.memory, part,
                               cudaMemcpyHostToDevice, state_->stream));
    CUDA_CHECK(cudaEventRecord(buffer.free, state_->stream));
  }
}

void Cuda::copy_out(void* host, const void* from, size_t bytes) {
  state_->require_no_capture("a copy to the host");
  state_->make_current();
  for (size_t done = 0; done < bytes; done += cuda::Staging::size) {
    const size_t part = std::min(bytes - done, cuda::Staging::size);
    cuda::Staging::Buffer& buffer = free_buffer(state_->staging);
    CUDA_CHECK(cudaMemcpyAsync(buffer.memory, static_cast<const std::byte*>(from) + done, part,
                               cudaMemcpyDeviceToHost, state_->stream));
    CUDA_CHECK(cudaStreamSynchronize(state_->stream));
    std::memcpy(static_cast<std::byte*>(host) + done, buffer.memory, part);
  }
}

void Cuda::copy(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;  // no node of a graph
  state_->make_current();
  CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, state_->stream));
}

void Cuda::zero(void* to, size_t bytes) {
  if (bytes == 0) return;
  state_->make_current();
  CUDA_CHECK(cudaMemsetAsync(to, 0, bytes, state_->stream));
}

void Cuda::synchronize() {
  state_->require_no_capture("waiting for the device");
  state_->make_current();
  CUDA_CHECK(cudaStreamSynchronize(state_->stream));
}

MemoryUse Cuda::memory() const { return state_->pool.use(); }
Precision Cuda::precision() const { return state_->options.precision; }

namespace cuda {

cublasHandle_t cublas_of(Cuda& cuda) {
  CudaState& state = cuda.state();
  state.make_current();
  if (state.cublas == nullptr) {
    state.require_no_capture("the first use of cuBLAS");
    const std::unique_lock alone(recordings());
    Cublas handle;
    CUDA_CHECK(cublasCreate(handle.out()));
    CUDA_CHECK(cublasSetStream(handle, state.stream));
    if (state.cublas_workspace == nullptr)
      state.cublas_workspace = state.pool.allocate(cublas_workspace_bytes);
    CUDA_CHECK(cublasSetWorkspace(handle, state.cublas_workspace, cublas_workspace_bytes));
    state.cublas = std::move(handle);
  }
  return state.cublas;
}

unsigned* block_counters_of(Cuda& cuda) {
  CudaState& state = cuda.state();
  if (state.counters == nullptr) {
    state.require_no_capture("the first use of block counters");
    state.make_current();
    void* const counters = state.pool.allocate(counter_bytes);
    state.counters = static_cast<unsigned*>(counters);
    CUDA_CHECK(cudaMemsetAsync(counters, 0, counter_bytes, state.stream));
  }
  return state.counters;
}

}  // namespace cuda

namespace internal {

static std::vector<PrecisionReport> precisions_of(int major) {
  const bool ampere = major >= 8;  // the first with tf32 and bf16 in its tensor cores
  return {{Precision::fp32, true, ""},
          {Precision::tf32, true, ampere ? "" : "computed as fp32 before compute capability 8.0"},
          {Precision::bf16, ampere, ampere ? "" : "needs compute capability 8.0 or later"},
          {Precision::bf16x3, false, "exists on the CPU only"}};
}

std::vector<DeviceReport> describe_cuda() {
  int count = 0, driver = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) status = cudaDriverGetVersion(&driver);
  if (status != cudaSuccess) return {{Device::cuda, false, cuda::explain(status), {}}};
  std::vector<DeviceReport> reports;
  for (int device = 0; device < count; ++device) {
    cudaDeviceProp properties{};
    if (status = cudaGetDeviceProperties(&properties, device); status != cudaSuccess) {
      reports.push_back({Device::cuda, false, text("GPU ", device, ": ", cuda::explain(status)), {}});
      continue;
    }
    const bool usable = 10 * properties.major + properties.minor >= lowest_capability;
    reports.push_back({Device::cuda, usable,
                       text("GPU ", device, ": ", properties.name, ", compute capability ", properties.major,
                            ".", properties.minor, ", ", properties.totalGlobalMem >> 20,
                            " MiB, driver for CUDA ", driver / 1000, ".", driver % 1000 / 10,
                            usable ? "" : "; mellow needs compute capability 7.5 or later"),
                       precisions_of(properties.major)});
  }
  return reports;
}

}  // namespace internal
}  // namespace mellow
