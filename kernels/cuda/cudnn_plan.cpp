// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/cudnn_plan.h"

#include <array>
#include <map>
#include <memory>
#include <utility>

#include "mellow/kernels/cuda/cudnn_engine.h"
#include "mellow/kernels/cuda/recording.h"

namespace mellow::cuda {
namespace {

constexpr size_t most_plans = 1024;  // of 50 KB each, and as many older ones, beside those that graphs replay

class HandleDevice final : public PlanDevice {
 public:
  HandleDevice(cudnnHandle_t handle, const std::string& name) : PlanDevice(name), handle_(handle) {}
  void tell(Descriptor& of, cudnnBackendDescriptorType_t type) const override {
    if (type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) of.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle_);
    if (type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) of.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle_);
  }

 private:
  cudnnHandle_t handle_;
};

}  // namespace

struct CudnnState {
  Handle<cudnnHandle_t, cudnnDestroy> handle;
  using Plans = std::map<ConvKey, std::unique_ptr<CudnnPlan>>;  // nullptr: there is none
  Plans plans, older, of_graphs;                                // of_graphs: those that replays need
};

namespace {

CudnnState& cudnn_of(CudaState& state) {
  state.make_current();
  if (state.cudnn == nullptr) {
    state.require_no_capture("the first use of cuDNN");
    const std::unique_lock alone(recordings());
    auto cudnn = std::make_shared<CudnnState>();
    CUDA_CHECK(cudnnCreate(cudnn->handle.out()));
    CUDA_CHECK(cudnnSetStream(cudnn->handle, state.stream));
    state.cudnn = std::move(cudnn);
  }
  return *state.cudnn;
}

// Crops of every length leave plans behind. When there are too many, those unused for longest go: what a step
// has just planned must be there when the step is recorded.
void make_room(CudaState& state, CudnnState& cudnn) {
  if (cudnn.plans.size() < most_plans) return;
  CUDA_CHECK(cudaStreamSynchronize(state.stream));
  cudnn.older = std::exchange(cudnn.plans, {});
}

}  // namespace

const CudnnPlan* plan_for(Cuda& cuda, const ConvKey& key) {
  CudaState& state = cuda.state();
  CudnnState& cudnn = cudnn_of(state);
  if (const auto found = cudnn.of_graphs.find(key); found != cudnn.of_graphs.end())
    return found->second.get();
  if (auto old = cudnn.older.extract(key)) cudnn.plans.insert(std::move(old));
  auto found = cudnn.plans.find(key);
  if (found == cudnn.plans.end()) {
    state.require_no_capture("making a cuDNN plan");
    make_room(state, cudnn);
    const HandleDevice device(cudnn.handle, state.name);
    found = cudnn.plans.emplace(key, make_plan(device, key, cuda.precision() == Precision::fp32)).first;
  }
  if (state.capturing()) found = cudnn.of_graphs.insert(cudnn.plans.extract(found)).position;
  return found->second.get();
}

size_t cudnn_version() { return cudnnGetVersion(); }

void run(Cuda& cuda, const CudnnPlan& plan, const void* x, const void* w, const void* y) {
  CudnnState& cudnn = cudnn_of(cuda.state());
  const Scratch workspace(cuda, plan.workspace());
  Descriptor operands(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  operands.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::array<int64_t, 3>{operand_x, operand_w, operand_y});
  operands.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
               std::array{const_cast<void*>(x), const_cast<void*>(w), const_cast<void*>(y)});
  operands.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace.data<void>());
  operands.finalize();
  CUDA_CHECK(cudnnBackendExecute(cudnn.handle, plan.descriptor(), operands));
}

}  // namespace mellow::cuda
