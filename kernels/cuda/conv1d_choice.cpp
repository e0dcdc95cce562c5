// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/conv1d_choice.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/read_file.h"
#include "mellow/engine/io/user_cache.h"
#include "mellow/kernels/cuda/conv1d_tensor.h"
#include "mellow/kernels/cuda/cudnn_plan.h"
#include "mellow/kernels/cuda/recording.h"

namespace mellow::cuda {
namespace {

constexpr int kernels_version = 1;  // one more whenever the kernels on tensor cores become faster or slower
constexpr int runs_per_trial = 4, repetitions = 5;
constexpr uint64_t largest_file = uint64_t{16} << 20;

std::optional<ConvWay> way_named(const std::string& name) {
  if (name == "cudnn") return ConvWay::cudnn;
  if (name == "tensor") return ConvWay::tensor;
  if (name == "direct") return ConvWay::direct;
  return {};
}

std::optional<ConvWay> forced_way() {
  const char* wanted = std::getenv("MELLOW_CONV");
  if (wanted == nullptr) return {};
  const auto way = way_named(wanted);
  MELLOW_CHECK(way, "[conv1d] MELLOW_CONV is \"", wanted, "\"; it must be cudnn, tensor or direct");
  return way;
}

// Passes of one kind are chosen for together: where operands lie does not matter.
std::string kind_of(Cuda& cuda, ConvWorks works) {
  const ConvSizes& s = works.front().sizes;
  std::string taps;
  for (const ConvWork& work : works) taps += text(taps.empty() ? "" : " and ", work.sizes.width);
  constexpr const char* passes[] = {"forward", "backward_data", "backward_filter"};
  return text(cuda.state().name, ", cuDNN ", cudnn_version(), ", kernels ", kernels_version, ", ",
              name_of(cuda.precision()), " ", passes[static_cast<int>(works.front().pass)], " ",
              s.in_channels, " to ", s.out_channels, " channels, taps ", taps, ", stride ", s.stride,
              ", dilation ", s.dilation, ", batch to ", up_to_power_of_two(s.batch), ", steps to ",
              up_to_power_of_two(s.out_length));
}

// What is known of the kinds of passes, shared by all contexts and, through a file, by later runs.
class KnownWays {
 public:
  // Of the file at that path; empty: there is none.
  static KnownWays& of(const std::string& path) {
    static std::mutex mutex;
    static std::map<std::string, KnownWays> all;
    const std::scoped_lock alone(mutex);
    return all.try_emplace(path, path).first->second;
  }
  explicit KnownWays(std::string path) : path_(std::move(path)) {}

  std::optional<ConvWay> find(const std::string& kind) {
    const std::scoped_lock alone(mutex_);
    if (!ways_.contains(kind)) ways_.merge(read_file_of_ways());
    const auto found = ways_.find(kind);
    return found == ways_.end() ? std::nullopt : way_named(found->second);
  }
  // Adds one choice and returns the one that stands: another process or context may have measured the same
  // meanwhile. What cannot be written is measured again by the next run.
  ConvWay keep(const std::string& kind, ConvWay way) {
    const std::scoped_lock alone(mutex_);
    ways_.merge(read_file_of_ways());
    const auto [place, is_new] = ways_.try_emplace(kind, way == ConvWay::cudnn ? "cudnn" : "tensor");
    if (is_new && !path_.empty()) try {
        make_folder(std::filesystem::path(path_).parent_path().string());
        write_file_atomically(path_, nlohmann::json(ways_).dump(1) + '\n');
      } catch (const std::exception&) {
      }
    return way_named(place->second).value_or(way);
  }

 private:
  using Ways = std::map<std::string, std::string>;  // kind -> "cudnn" or "tensor"

  // A file that is missing, damaged or somebody else's holds nothing.
  Ways read_file_of_ways() const {
    try {
      auto ways = nlohmann::json::parse(read_file(path_, largest_file)).get<Ways>();
      std::erase_if(ways, [](const auto& entry) { return !way_named(entry.second); });
      return ways;
    } catch (const std::exception&) {
      return {};
    }
  }

  std::mutex mutex_;
  std::string path_;
  Ways ways_;
};

size_t bytes_of(const Plane& plane) {
  return static_cast<size_t>(plane.items * plane.item_stride) * sizeof(float);
}

// Some runs of one way as a graph, as training steps run them: one by one, short runs would take as long as
// the host takes to launch them.
class Trial {
 public:
  Trial(Cuda& cuda, ConvWorks works, ConvWay way, ConvRunner run)
      : stream_(cuda.state().stream), graph_(cuda.state(), [&] {
          for (int i = 0; i < runs_per_trial; ++i) run(cuda, works, way);
        }) {
    CUDA_CHECK(cudaEventCreate(begin_.out()));
    CUDA_CHECK(cudaEventCreate(end_.out()));
  }
  float milliseconds() const {
    CUDA_CHECK(cudaEventRecord(begin_, stream_));
    graph_.launch();
    CUDA_CHECK(cudaEventRecord(end_, stream_));
    CUDA_CHECK(cudaEventSynchronize(end_));
    float elapsed = 0;
    CUDA_CHECK(cudaEventElapsedTime(&elapsed, begin_, end_));
    return elapsed;
  }

 private:
  cudaStream_t stream_;
  RecordedGraph graph_;
  Event begin_, end_;
};

// The way with the shorter of its shortest trials, which take turns. Nothing when cuDNN has no plan.
std::optional<ConvWay> faster_way(Cuda& cuda, ConvWorks works, ConvRunner run) {
  std::vector<ConvWork> alike(works.begin(), works.end());
  std::deque<Scratch> places;
  for (ConvWork& work : alike) {
    if (!work.add) continue;
    // Trials must not add to the real result again and again: they add to a place that lies alike.
    Plane& result = work.pass == ConvPass::forward         ? work.y
                    : work.pass == ConvPass::backward_data ? work.x
                                                           : work.w;
    result.data = places.emplace_back(cuda, bytes_of(result)).data<float>();
  }
  if (!run(cuda, alike, ConvWay::cudnn)) return {};  // makes the plan: that cannot be recorded
  run(cuda, alike, ConvWay::tensor);
  const Trial cudnn(cuda, alike, ConvWay::cudnn, run), tensor(cuda, alike, ConvWay::tensor, run);
  float of_cudnn = INFINITY, of_tensor = INFINITY;
  for (int i = 0; i < repetitions; ++i) {
    of_cudnn = std::min(of_cudnn, cudnn.milliseconds());
    of_tensor = std::min(of_tensor, tensor.milliseconds());
  }
  return of_tensor < of_cudnn ? ConvWay::tensor : ConvWay::cudnn;
}

}  // namespace

// What one context knows.
struct ConvChoices {
  std::optional<ConvWay> forced = forced_way();
  KnownWays& known = KnownWays::of(path());
  // What was chosen, without a kind to spell out.
  std::map<std::pair<ConvPass, std::vector<ConvSizes>>, ConvWay> of_pass;

  static std::string path() {
    const std::string folder = user_cache_folder();
    return folder.empty() ? folder : folder + "/conv1d-ways.json";
  }
};

ConvWay way_for(Cuda& cuda, ConvWorks works, ConvRunner run) {
  CudaState& state = cuda.state();
  if (state.conv_choices == nullptr) state.conv_choices = std::make_shared<ConvChoices>();
  ConvChoices& choices = *state.conv_choices;
  if (choices.forced) return *choices.forced;
  if (!tensor_core_serves(cuda, works)) return ConvWay::cudnn;
  std::pair<ConvPass, std::vector<ConvSizes>> pass = {works.front().pass, {}};
  for (const ConvWork& work : works) pass.second.push_back(work.sizes);
  if (const auto found = choices.of_pass.find(pass); found != choices.of_pass.end()) return found->second;
  const std::string kind = kind_of(cuda, works);
  std::optional<ConvWay> way = choices.known.find(kind);
  if (!way) {
    if (state.capturing()) return ConvWay::cudnn;
    const std::optional<ConvWay> faster = faster_way(cuda, works, run);
    way = faster ? choices.known.keep(kind, *faster) : ConvWay::tensor;
  }
  return choices.of_pass[pass] = *way;
}

}  // namespace mellow::cuda
