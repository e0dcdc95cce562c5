// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/cudnn_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <cudnn_graph.h>

#include "mellow/kernels/cuda/recording.h"

namespace mellow::cuda {

// Beside its siblings of check.h, so that CUDA_CHECK finds it.
static void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 512> detail{};
  cudnnGetLastErrorString(detail.data(), detail.size());
  fail(call, text(cudnnGetErrorString(status), " ", detail.data()));
}

namespace {

// Bytes; suggestions that need more are passed over.
constexpr int64_t largest_workspace = int64_t{256} << 20;

// The tag cuDNN wants beside every value.
template <class T>
constexpr cudnnBackendAttributeType_t tag_of = CUDNN_TYPE_INT64;
template <>
constexpr cudnnBackendAttributeType_t tag_of<float> = CUDNN_TYPE_FLOAT;
template <>
constexpr cudnnBackendAttributeType_t tag_of<void*> = CUDNN_TYPE_VOID_PTR;
template <>
constexpr cudnnBackendAttributeType_t tag_of<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
constexpr cudnnBackendAttributeType_t tag_of<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
constexpr cudnnBackendAttributeType_t tag_of<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
constexpr cudnnBackendAttributeType_t tag_of<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
constexpr cudnnBackendAttributeType_t tag_of<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;

// One object of cuDNN's graph interface: attributes are set, then it is finalized.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    CUDA_CHECK(cudnnBackendCreateDescriptor(type, handle_.out()));
  }

  template <class T>
  void set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    CUDA_CHECK(cudnnBackendSetAttribute(handle_, name, tag_of<T>, static_cast<int64_t>(values.size()),
                                        values.data()));
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, T value) {
    set(name, std::span<const T>(&value, 1));
  }
  template <class T, size_t n>
  void set(cudnnBackendAttributeName_t name, const std::array<T, n>& values) {
    set(name, std::span<const T>(values));
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    const cudnnBackendDescriptor_t value = other.handle_;
    CUDA_CHECK(cudnnBackendSetAttribute(handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value));
  }

  // At most `room` values; returns how many were written (cuDNN counts those there is no room for, too).
  template <class T>
  int64_t get(cudnnBackendAttributeName_t name, int64_t room, T* values) const {
    int64_t count = 0;
    CUDA_CHECK(cudnnBackendGetAttribute(handle_, name, tag_of<T>, room, &count, values));
    return std::min(count, room);
  }
  // cuDNN fills descriptors that exist already; without any it says how many there are.
  int64_t get(cudnnBackendAttributeName_t name, std::vector<Descriptor>& into) const {
    std::vector<cudnnBackendDescriptor_t> handles(into.size());
    std::transform(into.begin(), into.end(), handles.begin(),
                   [](const Descriptor& d) -> cudnnBackendDescriptor_t { return d.handle_; });
    int64_t count = 0;
    CUDA_CHECK(cudnnBackendGetAttribute(handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                        static_cast<int64_t>(handles.size()), &count,
                                        handles.empty() ? nullptr : handles.data()));
    return count;
  }

  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(handle_); }
  void finalize() { CUDA_CHECK(cudnnBackendFinalize(handle_)); }
  operator cudnnBackendDescriptor_t() const { return handle_; }

 private:
  Handle<cudnnBackendDescriptor_t, cudnnBackendDestroyDescriptor> handle_;
};

// Which of the three operands a variant pack means.
enum Operand : int64_t { operand_x = 1, operand_w = 2, operand_y = 3 };

// [items, steps, channels] as cuDNN's four dimensions N C H W with H = 1.
Descriptor tensor(Operand name, int64_t items, int64_t steps, int64_t channels, const ConvLayout& layout,
                  cudnnDataType_t type) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::array{items, channels, int64_t{1}, steps});
  d.set(CUDNN_ATTR_TENSOR_STRIDES,
        std::array{layout.item_stride, int64_t{1}, steps * layout.step_stride, layout.step_stride});
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<int64_t>(name));
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, layout.alignment);
  d.finalize();
  return d;
}

Descriptor convolution(const ConvSizes& s) {
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::array{int64_t{0}, s.pad_left});
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::array{int64_t{0}, s.pad_right});
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::array{int64_t{1}, s.stride});
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::array{int64_t{1}, s.dilation});
  d.finalize();
  return d;
}

// The names of one pass's attributes.
struct PassNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};

PassNames names_of(ConvPass pass) {
  switch (pass) {
    case ConvPass::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvPass::backward_filter:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
    default:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  }
}

// True when an engine may not be used: its sums come in any order, or it computes below the asked precision.
// Winograd and FFT forms round differently from a plain sum, so strict fp32 leaves them out too.
bool is_refused(const Descriptor& config, bool strict) {
  std::vector<Descriptor> engine;
  engine.emplace_back(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  config.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = engine[0].get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, notes.size(), notes.data());
  return std::any_of(notes.begin(), notes.begin() + count, [&](cudnnBackendNumericalNote_t note) {
    switch (note) {
      case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
      case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:  // to float16: TF32 engines do not carry this note
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION: return true;
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
      case CUDNN_NUMERICAL_NOTE_FFT:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD: return strict;
      default: return false;
    }
  });
}

// What one heuristic suggests for the graph, best first; nothing when it does not know such graphs.
std::vector<Descriptor> suggestions(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  std::vector<Descriptor> configs;
  if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) return configs;
  const int64_t count = heuristic.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, configs);
  for (int64_t i = 0; i < count; ++i) configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  if (count > 0)
    configs.erase(configs.begin() + heuristic.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, configs), configs.end());
  return configs;
}

}  // namespace

// Keeps the descriptors the plan was made of.
class CudnnPlan {
 public:
  CudnnPlan(Descriptor graph, Descriptor config, Descriptor plan, int64_t workspace)
      : graph_(std::move(graph)),
        config_(std::move(config)),
        plan_(std::move(plan)),
        workspace_(static_cast<size_t>(workspace)) {}
  size_t workspace() const { return workspace_; }
  const Descriptor& plan() const { return plan_; }

 private:
  Descriptor graph_, config_, plan_;
  size_t workspace_;
};

struct CudnnState {
  Handle<cudnnHandle_t, cudnnDestroy> handle;
  std::map<ConvKey, std::unique_ptr<CudnnPlan>> plans;  // nullptr: there is none
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

// The graph of one convolution, or nothing when cuDNN does not take it.
std::unique_ptr<Descriptor> graph_of(cudnnHandle_t handle, const ConvKey& key) {
  const ConvSizes& s = key.sizes;
  const cudnnDataType_t type = key.bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  const PassNames names = names_of(key.pass);
  Descriptor operation(names.type);
  operation.set(names.convolution, convolution(s));
  operation.set(names.x, tensor(operand_x, s.batch, s.length, s.in_channels, key.x, type));
  operation.set(names.w, tensor(operand_w, s.out_channels, s.width, s.group_inputs(), key.w, type));
  operation.set(names.y, tensor(operand_y, s.batch, s.out_length, s.out_channels, key.y, type));
  operation.set(names.alpha, 1.0f);
  operation.set(names.beta, key.add ? 1.0f : 0.0f);
  if (operation.try_finalize() != CUDNN_STATUS_SUCCESS) return nullptr;
  auto graph = std::make_unique<Descriptor>(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph->set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph->set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
  return graph->try_finalize() == CUDNN_STATUS_SUCCESS ? std::move(graph) : nullptr;
}

std::unique_ptr<CudnnPlan> make_plan(cudnnHandle_t handle, const ConvKey& key, bool strict) {
  std::unique_ptr<Descriptor> graph = graph_of(handle, key);
  if (graph == nullptr) return nullptr;
  for (const auto mode : {CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (Descriptor& config : suggestions(*graph, mode)) {
      if (is_refused(config, strict)) continue;
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
      if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
      int64_t workspace = 0;
      plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 1, &workspace);
      if (workspace <= largest_workspace)
        return std::make_unique<CudnnPlan>(std::move(*graph), std::move(config), std::move(plan), workspace);
    }
  return nullptr;
}

}  // namespace

const CudnnPlan* plan_for(Cuda& cuda, const ConvKey& key) {
  CudnnState& cudnn = cudnn_of(cuda.state());
  if (const auto found = cudnn.plans.find(key); found != cudnn.plans.end()) return found->second.get();
  cuda.state().require_no_capture("making a cuDNN plan");
  const bool strict = cuda.precision() == Precision::fp32;
  return cudnn.plans.emplace(key, make_plan(cudnn.handle, key, strict)).first->second.get();
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
  CUDA_CHECK(cudnnBackendExecute(cudnn.handle, plan.plan(), operands));
}

}  // namespace mellow::cuda
