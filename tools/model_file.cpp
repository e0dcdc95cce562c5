// SPDX-License-Identifier: MIT
#include "mellow/tools/model_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "mellow/data/dataset.h"
#include "mellow/data/prepare.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/train/evaluate.h"
#include "mellow/models/make_model.h"
#include "mellow/tools/options.h"
#include "mellow/tools/run_record.h"

namespace mellow::tools {
namespace {

constexpr const char* format_version = "1";
constexpr int64_t most_classes = 65536;  // as most_steps

const std::string& metadata_text(const NamedArrays& file, const std::string& path, const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw Error(fmt::format("{} is not a model of mellow: its metadata has no {}", path, key),
                ErrorKind::input);
  return found->second;
}

std::optional<double> temperature_in(const NamedArrays& file, const std::string& path) {
  const auto value = metadata_number(file, path, "temperature");
  if (value && !(*value > 0))
    throw Error(fmt::format("{}: metadata temperature must be above 0, is {}", path, *value),
                ErrorKind::input);
  return value;
}

std::vector<std::string> class_names_in(const NamedArrays& file, const std::string& path) {
  const auto list = nlohmann::json::parse(metadata_text(file, path, "class_names"), nullptr, false);
  std::vector<std::string> names;
  if (list.is_array())
    for (const auto& name : list)
      if (name.is_string()) names.push_back(name.get<std::string>());
  if (names.size() < 2 || names.size() != list.size())
    throw Error(fmt::format("{}: metadata class_names must be a list of at least two strings", path),
                ErrorKind::input);
  return names;
}

ModelOptions model_options_in(const NamedArrays& file, const std::string& path, const std::string& model) {
  try {
    ModelOptions options;
    for (const ModelOption& option : find_model(model).options)
      options[option.name] = metadata_text(file, path, option.name);
    return resolve_options(find_model(model), options);
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", path, error.what()), ErrorKind::input);
  }
}

}  // namespace

const std::string& metadata_choice(const NamedArrays& file, const std::string& path, const std::string& key,
                                   const std::vector<std::string>& choices) {
  const std::string& text = metadata_text(file, path, key);
  if (std::find(choices.begin(), choices.end(), text) == choices.end())
    throw Error(fmt::format("{}: metadata {} must be one of {}, is \"{}\"", path, key,
                            fmt::join(choices, ", "), text),
                ErrorKind::input);
  return text;
}

int64_t metadata_size(const NamedArrays& file, const std::string& path, const std::string& key,
                      int64_t most) {
  const std::string& text = metadata_text(file, path, key);
  const auto value = parse_number<int64_t>(text);
  if (!value || *value < 1 || *value > most)
    throw Error(fmt::format("{}: metadata {} must be 1 … {}, is \"{}\"", path, key, most, text),
                ErrorKind::input);
  return *value;
}

std::optional<double> metadata_number(const NamedArrays& file, const std::string& path,
                                      const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) return std::nullopt;
  const auto value = parse_number<double>(found->second);
  if (!value || !std::isfinite(*value))
    throw Error(fmt::format("{}: metadata {} is not a number: \"{}\"", path, key, found->second),
                ErrorKind::input);
  return value;
}

std::string name_of(Tails tails) {
  return tails == Tails::padding ? "padding" : tails == Tails::missing ? "missing" : "infer";
}

Tails tails_in(const NamedArrays& file, const std::string& path) {
  if (!file.metadata.contains(tails_key)) return Tails::infer;
  const std::string& word = metadata_choice(file, path, tails_key, {"padding", "missing", "infer"});
  return word == "padding" ? Tails::padding : word == "missing" ? Tails::missing : Tails::infer;
}

NamedArrays pack(const Classifier& network, const ModelDescription& description) {
  NamedArrays file = state_of(network);
  file.metadata = {{"format_version", format_version},
                   {"model", description.model},
                   {"method", description.method},
                   {"in_channels", std::to_string(description.channels)},
                   {"classes", std::to_string(description.class_names.size())},
                   {"length", std::to_string(description.length)},
                   {"norm", name_of(description.framework)},
                   {"normalisation", "zscore"},
                   {tails_key, name_of(description.tails)},
                   {"class_names", nlohmann::json(description.class_names).dump()}};
  if (description.temperature) file.metadata["temperature"] = fmt::format("{}", *description.temperature);
  for (const auto& [name, value] : description.model_options) file.metadata[name] = value;
  for (const auto& [name, size] : network.sizes()) file.metadata[name] = std::to_string(size);
  store_checksum(file);
  return file;
}

std::string model_path(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) ? path + "/model.safetensors" : path;
}

LoadedModel read_model(Context& context, const std::string& path) {
  const std::string name = model_path(path);
  const NamedArrays file = read_safetensors(name);
  if (metadata_text(file, name, "format_version") != format_version)
    throw Error(fmt::format("{} has format version {}; this program reads version {}", name,
                            metadata_text(file, name, "format_version"), format_version),
                ErrorKind::input);
  if (file.metadata.contains(checksum_key)) verify_checksum(file, name);
  LoadedModel loaded;
  ModelDescription& d = loaded.description;
  d.model = metadata_text(file, name, "model");
  d.model_options = model_options_in(file, name, d.model);
  d.method = metadata_text(file, name, "method");
  d.channels = metadata_size(file, name, "in_channels", most_channels);
  d.length = metadata_size(file, name, "length", most_steps);
  d.framework = framework_named(metadata_choice(file, name, "norm", {"torch", "keras"}));
  d.class_names = class_names_in(file, name);
  d.temperature = temperature_in(file, name);
  d.tails = tails_in(file, name);
  if (metadata_size(file, name, "classes", most_classes) != static_cast<int64_t>(d.class_names.size()))
    throw Error(fmt::format("{}: metadata classes and class_names disagree", name), ErrorKind::input);
  loaded.network = make_model(d.model, {.context = &context, .framework = d.framework},
                              {.channels = d.channels,
                               .classes = static_cast<int64_t>(d.class_names.size()),
                               .length = d.length,
                               .options = d.model_options});
  load_state(*loaded.network, file, name);
  return loaded;
}

std::string member_path(const std::string& path, int64_t i) {
  return fmt::format("{}/member-{}", path, i + 1);
}

std::vector<LoadedModel> read_members(Context& context, const std::string& path, int64_t members) {
  std::vector<LoadedModel> networks;
  for (int64_t i = 0; i < members; ++i) networks.push_back(read_model(context, member_path(path, i)));
  const ModelDescription& first = networks.front().description;
  for (const LoadedModel& member : networks)
    if (const ModelDescription& d = member.description;
        d.class_names != first.class_names || d.channels != first.channels || d.length != first.length)
      throw Error(path + " is not an ensemble: its networks were trained on different data",
                  ErrorKind::input);
  return networks;
}

std::vector<LoadedModel> read_models(Context& context, const std::string& path) {
  if (const auto members = members_in(path)) return read_members(context, path, *members);
  std::vector<LoadedModel> networks;
  networks.push_back(read_model(context, path));
  return networks;
}

std::vector<float> pooled_logits(const std::vector<LoadedModel>& networks, const Tensor& x) {
  if (networks.size() == 1) return logits_of(*networks.front().network, x);
  std::vector<double> mean;
  for (const LoadedModel& member : networks) {
    const auto p = predict(*member.network, x);
    mean.resize(p.size(), 0.0);
    for (size_t i = 0; i < p.size(); ++i) mean[i] += p[i] / static_cast<double>(networks.size());
  }
  std::vector<float> logits(mean.size());
  for (size_t i = 0; i < mean.size(); ++i) logits[i] = static_cast<float>(std::log(mean[i]));
  return logits;
}

void prepare_for_model(const ModelDescription& model, SeriesSet& set) {
  if (set.channels != model.channels)
    throw Error(fmt::format("{} has {} channels, the model takes {}", set.name, set.channels, model.channels),
                ErrorKind::input);
  if (set.length > model.length)
    throw Error(fmt::format("{} has series of {} steps, the model was trained on {}: shorten them, or check "
                            "whether the first column is a label (--unlabelled)",
                            set.name, set.length, model.length),
                ErrorKind::input);
  pad_with_nan(set, model.length);
  prepare_for_classifier(set);
}

}  // namespace mellow::tools
