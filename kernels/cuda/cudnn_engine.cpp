// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/cudnn_engine.h"

#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace mellow::cuda {
namespace {

// Bytes; engines that need more are passed over.
constexpr int64_t largest_workspace = int64_t{256} << 20;

// [items, steps, channels] as cuDNN's four dimensions N C H W with H = 1.
Descriptor tensor(ConvOperand name, int64_t items, int64_t steps, int64_t channels, const ConvLayout& layout,
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

// The graph of one convolution, or nothing when cuDNN does not take it.
std::optional<Descriptor> graph_of(const PlanDevice& device, const ConvKey& key) {
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
  if (operation.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  std::optional<Descriptor> graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph->set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  device.tell(*graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (graph->try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  return graph;
}

// True when an engine may not be used: its sums come in any order, or it computes below the asked precision.
// Winograd and FFT forms round differently from a plain sum, so strict fp32 leaves them out too.
bool is_refused(const Descriptor& engine, bool strict) {
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, notes.size(), notes.data());
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

// An engine and its settings, free of the graph it was suggested for.
struct Engine {
  int64_t index;
  std::vector<std::pair<cudnnBackendKnobType_t, int64_t>> knobs;
};

// What one heuristic suggests for the graph, best first; nothing when it does not know such graphs.
std::vector<Descriptor> suggestions(const PlanDevice& device, const Descriptor& graph,
                                    cudnnBackendHeurMode_t mode) {
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  device.tell(heuristic, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  return heuristic.get_all(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

// A plan and its workspace in bytes; nothing when the engine does not take it, or wants too much.
std::optional<std::pair<Descriptor, int64_t>> plan_of(const PlanDevice& device, const Descriptor& config) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  device.tell(plan, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  const auto workspace = plan.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  if (workspace > largest_workspace) return {};
  return std::pair{std::move(plan), workspace};
}

// The first suggestion that may be used and makes a plan.
std::optional<Engine> suggested_engine(const PlanDevice& device, const ConvKey& key, bool strict) {
  const std::optional<Descriptor> graph = graph_of(device, key);
  if (!graph) return {};
  for (const auto mode : {CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const Descriptor& config : suggestions(device, *graph, mode)) {
      const auto engines = config.get_all(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
      if (is_refused(engines.at(0), strict) || !plan_of(device, config)) continue;
      Engine engine{engines[0].get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX), {}};
      for (const Descriptor& knob :
           config.get_all(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR))
        engine.knobs.emplace_back(knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE),
                                  knob.get<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
      return engine;
    }
  return {};
}

// The plan of that engine, or nullptr when it does not take this convolution.
std::unique_ptr<CudnnPlan> plan_by(const PlanDevice& device, const ConvKey& key, const Engine& chosen) {
  std::optional<Descriptor> graph = graph_of(device, key);
  if (!graph) return nullptr;
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, *graph);
  engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, chosen.index);
  device.tell(engine, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  if (engine.try_finalize() != CUDNN_STATUS_SUCCESS) return nullptr;
  std::vector<Descriptor> made_of;
  for (const auto& [type, value] : chosen.knobs) {
    Descriptor& knob = made_of.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    knob.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, type);
    knob.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, value);
    knob.finalize();
  }
  Descriptor config(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (!made_of.empty()) config.set(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, std::span<const Descriptor>(made_of));
  if (config.try_finalize() != CUDNN_STATUS_SUCCESS) return nullptr;
  auto plan = plan_of(device, config);
  if (!plan) return nullptr;
  for (Descriptor* part : {&*graph, &engine, &config}) made_of.push_back(std::move(*part));
  return std::make_unique<CudnnPlan>(std::move(plan->first), std::move(made_of),
                                     static_cast<size_t>(plan->second));
}

// The convolution that stands for all of its kind: batch and length are the next powers of two, items lie one
// behind the other.
ConvKey kind_of(ConvKey key) {
  ConvSizes& s = key.sizes;
  s.batch = up_to_power_of_two(s.batch);
  s.length = up_to_power_of_two(s.length);
  s.out_length = (s.length + s.pad_left + s.pad_right - (s.width - 1) * s.dilation - 1) / s.stride + 1;
  key.x.item_stride = s.length * key.x.step_stride;
  key.y.item_stride = s.out_length * key.y.step_stride;
  return key;
}

// What the heuristics said of each. It belongs to the process: contexts ask about the same convolutions.
std::optional<Engine> remembered_engine(const PlanDevice& device, const ConvKey& key, bool strict) {
  static std::mutex mutex;
  static std::map<std::tuple<std::string, ConvKey, bool>, std::optional<Engine>> engines;
  const std::scoped_lock alone(mutex);
  const std::tuple question{device.name(), key, strict};
  auto found = engines.find(question);
  if (found == engines.end()) found = engines.emplace(question, suggested_engine(device, key, strict)).first;
  return found->second;
}

}  // namespace

std::unique_ptr<CudnnPlan> make_plan(const PlanDevice& device, const ConvKey& key, bool strict) {
  for (const ConvKey& asked : {kind_of(key), key})
    if (const auto engine = remembered_engine(device, asked, strict))
      if (auto plan = plan_by(device, key, *engine)) return plan;
  return nullptr;
}

}  // namespace mellow::cuda
