// SPDX-License-Identifier: MIT
// Stands in for kernels/cuda/backend.cpp: device memory is host memory, every block an allocation of its own,
// so that AddressSanitizer sees what a kernel touches beyond it.
#include <cstdlib>
#include <cstring>

#include "mellow/engine/internal/device_report.h"
#include "mellow/engine/internal/step_runner.h"
#include "mellow/kernels/cuda/state.h"

namespace mellow {
namespace {

class CallEachTime final : public internal::StepRunner {  // no graphs here
 public:
  void run(const std::function<void()>& step) override { step(); }
};

}  // namespace

namespace cuda {

struct CudnnState {};

void fail(const char* call, const std::string& status) {
  throw Error(text(call, ": ", status), ErrorKind::device);
}
std::string explain(cudaError_t) { return "emulated"; }

}  // namespace cuda

CudaState::CudaState(const Cuda::Options& o)
    : options(o),
      name("emulated"),
      multiprocessors(4),
      shared_memory_per_block(48 * 1024),
      tensor_cores(true),
      pool({[](size_t bytes) { return std::malloc(bytes); }, [](void* p) { std::free(p); }}, 0) {}
CudaState::~CudaState() = default;

Cuda::Cuda(const Options& options) : state_(std::make_unique<CudaState>(options)) {}
Cuda::~Cuda() = default;
void* Cuda::allocate(size_t bytes) {
  void* block = std::malloc(bytes);
  std::memset(block, 0xFF, bytes);
  return block;
}
void Cuda::release(void* block, size_t) noexcept { std::free(block); }
void Cuda::copy_in(void* to, const void* host, size_t bytes) { copy(to, host, bytes); }
void Cuda::copy_out(void* host, const void* from, size_t bytes) { copy(host, from, bytes); }
void Cuda::copy(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}
void Cuda::zero(void* to, size_t bytes) {
  if (bytes != 0) std::memset(to, 0, bytes);
}
void Cuda::synchronize() {}
MemoryUse Cuda::memory() const { return {}; }
Precision Cuda::precision() const { return state_->options.precision; }

namespace internal {

std::vector<DeviceReport> describe_cuda() { return {{Device::cuda, true, "emulated on the host"}}; }
std::unique_ptr<StepRunner> make_step_runner(Cuda&) { return std::make_unique<CallEachTime>(); }

}  // namespace internal
}  // namespace mellow
