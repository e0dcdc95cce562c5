// SPDX-License-Identifier: MIT
#include "mellow/tools/run_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/teacher.h"

namespace mellow::tools {
namespace {

constexpr uint64_t most_seeds = 100'000;

uint64_t parse_seed(const std::string& typed, const std::string& part) {
  if (const auto seed = parse_number<uint64_t>(part)) return *seed;
  throw Error(fmt::format("--seed takes whole numbers below 2^64, as 0 or 0,1,2 or 0..4; got {}", typed));
}

// Those of the given options that the method or model has, so that one command line serves several.
template <class Owner>
std::map<std::string, std::string> options_for(const Owner& owner,
                                               const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> own;
  for (const auto& option : owner.options)
    if (const auto typed = given.find(option.name); typed != given.end()) own.insert(*typed);
  return own;
}

PlannedRun checked(TrainOptions o, bool several) {
  const Method& method = find_method(o.method);
  const ModelEntry& model = find_model(o.model);
  if (several) {
    o.model_options = options_for(model, o.model_options);
    o.method_options = options_for(method, o.method_options);
    if (method.teacher == TeacherKind::none) o.teacher.clear();
  }
  o.model_options = resolve_options(model, o.model_options);
  check_teacher_options(method, o);
  selected_protocol(o);
  make_schedule(schedule_options(o));
  const MethodOptions options = checked_options(method, o.model, o.method_options);
  if (several && !method.uses_encoder(options)) o.encoder.file.clear();
  return {o, options};
}

}  // namespace

std::vector<std::string> split_list(const std::string& option, const std::string& typed) {
  std::vector<std::string> parts;
  for (size_t from = 0; from <= typed.size();) {
    const size_t to = std::min(typed.find(',', from), typed.size());
    parts.push_back(typed.substr(from, to - from));
    from = to + 1;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty() && parts.size() > 1)
      throw Error(fmt::format("{} {}: an entry between commas is empty", option, typed));
    if (std::find(parts.begin(), parts.begin() + static_cast<int64_t>(i), parts[i]) !=
        parts.begin() + static_cast<int64_t>(i))
      throw Error(fmt::format("{} {} names {} twice", option, typed, parts[i]));
  }
  return parts;
}

std::vector<uint64_t> parse_seeds(const std::string& typed) {
  std::vector<uint64_t> seeds;
  if (const size_t dots = typed.find(".."); dots != std::string::npos) {
    const uint64_t first = parse_seed(typed, typed.substr(0, dots)),
                   last = parse_seed(typed, typed.substr(dots + 2));
    if (last < first || last - first >= most_seeds)
      throw Error(
          fmt::format("--seed {}: a range runs from low to high, at most {} seeds", typed, most_seeds));
    for (uint64_t i = 0; i <= last - first; ++i)
      seeds.push_back(first + i);  // last may be the largest there is
    return seeds;
  }
  for (const std::string& part : split_list("--seed", typed)) {
    const uint64_t seed = parse_seed(typed, part);
    if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end())  // 1 and 01
      throw Error(fmt::format("--seed {} names {} twice", typed, seed));
    seeds.push_back(seed);
  }
  return seeds;
}

std::vector<PlannedRun> plan_runs(const TrainOptions& o) {
  const auto seeds = parse_seeds(o.seeds);
  const auto datasets = split_list("--dataset", o.data.dataset), models = split_list("--model", o.model),
             methods = split_list("--method", o.method);
  const bool several = seeds.size() * datasets.size() * models.size() * methods.size() > 1;
  std::vector<PlannedRun> plan;
  for (const uint64_t seed : seeds)
    for (const std::string& dataset : datasets)
      for (const std::string& model : models)
        for (const std::string& method : methods) {
          TrainOptions one = o;
          one.seed = seed;
          one.data.dataset = dataset;
          one.model = model;
          one.method = method;
          one.own_folder = several;
          plan.push_back(checked(one, several));
        }
  if (std::none_of(plan.begin(), plan.end(), [](const PlannedRun& run) {
        return find_method(run.options.method).uses_encoder(run.method_options);
      }))
    refuse_encoder_options(o.encoder, find_method(methods.front()));
  for (const auto& [name, typed] : o.method_options)
    if (std::none_of(plan.begin(), plan.end(), [&, &wanted = name](const PlannedRun& run) {
          return run.options.method_options.contains(wanted);
        }))
      checked_options(find_method(methods.front()), o.model, {{name, typed}});  // throws, naming who has it
  for (const auto& [name, typed] : o.model_options)
    if (std::none_of(plan.begin(), plan.end(), [&, &wanted = name](const PlannedRun& run) {
          return run.options.model_options.contains(wanted);
        }))
      resolve_options(find_model(models.front()), {{name, typed}});  // likewise
  return plan;
}

}  // namespace mellow::tools
