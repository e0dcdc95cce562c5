// SPDX-License-Identifier: MIT
#include "mellow/tests/cuda_emulation/runtime.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <cuda_runtime.h>

struct FakeGraph {
  std::vector<std::function<void()>> nodes;
};
struct FakeGraphExec {
  std::vector<std::function<void()>> nodes;
};
struct FakeStream {
  std::unique_ptr<FakeGraph> recorded;  // while it records
  cudaStreamCaptureMode mode{};
  std::thread::id by{};
  bool broken = false;
};
struct FakeEvent {
  float at = 0;
  FakeStream* recording = nullptr;  // whose part it is
};

namespace mellow::emulation {

float clock = 0;

namespace {

std::recursive_mutex device;
std::vector<FakeStream*> recording;  // streams
thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

// Breaks the recordings that `which` picks.
template <class Which>
cudaError_t break_recordings(Which&& which) {
  cudaError_t status = cudaSuccess;
  for (FakeStream* stream : recording)
    if (which(*stream)) {
      stream->broken = true;
      status = cudaErrorStreamCaptureUnsupported;
    }
  return status;
}

// The rule of cudaThreadExchangeStreamCaptureMode for potentially unsafe calls, such as allocations.
cudaError_t unsafe_call() {
  return break_recordings([](const FakeStream& stream) {
    if (thread_mode == cudaStreamCaptureModeRelaxed || stream.mode == cudaStreamCaptureModeRelaxed)
      return false;
    return stream.by == std::this_thread::get_id() ||
           (thread_mode == cudaStreamCaptureModeGlobal && stream.mode == cudaStreamCaptureModeGlobal);
  });
}

constexpr size_t most_filled = size_t{1} << 20;  // a library's workspace need not be NaN to its end

cudaError_t allocate(void** block, size_t bytes) {
  const DeviceLock lock = lock_device();
  if (const cudaError_t status = unsafe_call(); status != cudaSuccess) return status;
  *block = std::malloc(bytes);
  if (*block == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*block, 0xFF, std::min(bytes, most_filled));
  return cudaSuccess;
}

cudaError_t release(void* block) {
  const DeviceLock lock = lock_device();
  const cudaError_t status = unsafe_call();
  if (status == cudaSuccess) std::free(block);
  return status;
}

}  // namespace

DeviceLock lock_device() { return DeviceLock(device); }

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  const DeviceLock lock = lock_device();
  if (stream == nullptr || stream->recorded == nullptr) {
    work();
    return cudaSuccess;
  }
  if (stream->broken) return cudaErrorStreamCaptureInvalidated;
  stream->recorded->nodes.push_back(std::move(work));
  return cudaSuccess;
}

cudaError_t wait_for_device() {
  const DeviceLock lock = lock_device();
  return break_recordings([](const FakeStream&) { return true; });
}

}  // namespace mellow::emulation

using namespace mellow::emulation;

const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    default: return "another error";
  }
}
const char* cudaGetErrorName(cudaError_t) { return "emulated"; }
cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {"emulated", size_t{1} << 30, 48 * 1024, 9, 0, 4};
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }

cudaError_t cudaMalloc(void** block, size_t bytes) { return allocate(block, bytes); }
cudaError_t cudaFree(void* block) { return release(block); }
cudaError_t cudaMallocHost(void** block, size_t bytes) { return allocate(block, bytes); }
cudaError_t cudaFreeHost(void* block) { return release(block); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new FakeStream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const DeviceLock lock = lock_device();
  std::erase(recording, stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const DeviceLock lock = lock_device();
  return break_recordings([&](const FakeStream& other) { return &other == stream; });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return enqueue(stream, [=] {
    if (bytes != 0) std::memcpy(to, from, bytes);
  });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return enqueue(stream, [=] {
    if (bytes != 0) std::memset(to, value, bytes);
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new FakeEvent;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const DeviceLock lock = lock_device();
  event->recording = stream->recorded != nullptr ? stream : nullptr;
  return event->recording != nullptr ? cudaSuccess
                                     : enqueue(stream, [=] { event->at = mellow::emulation::clock; });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const DeviceLock lock = lock_device();
  return break_recordings([&](const FakeStream& stream) { return &stream == event->recording; });
}
cudaError_t cudaEventElapsedTime(float* elapsed, cudaEvent_t begin, cudaEvent_t end) {
  *elapsed = end->at - begin->at;
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, thread_mode);
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const DeviceLock lock = lock_device();
  if (stream->recorded != nullptr) return cudaErrorInvalidValue;
  stream->recorded = std::make_unique<FakeGraph>();
  stream->mode = mode;
  stream->by = std::this_thread::get_id();
  stream->broken = false;
  recording.push_back(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const DeviceLock lock = lock_device();
  *graph = nullptr;
  if (stream->recorded == nullptr) return cudaErrorInvalidValue;
  if (stream->mode != cudaStreamCaptureModeRelaxed && stream->by != std::this_thread::get_id())
    return cudaErrorStreamCaptureWrongThread;
  std::erase(recording, stream);
  const std::unique_ptr<FakeGraph> recorded = std::move(stream->recorded);
  if (stream->broken) return cudaErrorStreamCaptureInvalidated;
  *graph = new FakeGraph(std::move(*recorded));
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new FakeGraphExec{graph->nodes};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return enqueue(stream, [nodes = executable->nodes] {
    for (const auto& node : nodes) node();
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
