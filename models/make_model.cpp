// SPDX-License-Identifier: MIT
#include "mellow/models/make_model.h"

#include <algorithm>

namespace mellow {
namespace {

template <class List, class Name>
std::string joined(const List& list, Name&& name_of) {
  std::string all;
  for (const auto& item : list) all += (all.empty() ? "" : ", ") + std::string(name_of(item));
  return all;
}

const ModelOption* option_of(const ModelEntry& model, const std::string& name) {
  const auto found = std::find_if(model.options.begin(), model.options.end(),
                                  [&](const ModelOption& option) { return option.name == name; });
  return found == model.options.end() ? nullptr : &*found;
}

}  // namespace

const ModelEntry& find_model(const std::string& name) {
  for (const ModelEntry& entry : model_entries())
    if (entry.name == name) return entry;
  throw Error(text("unknown model ", name, "; known are ",
                   joined(model_entries(), [](const ModelEntry& entry) { return entry.name; })));
}

ModelOptions resolve_options(const ModelEntry& model, const ModelOptions& given) {
  ModelOptions all;
  for (const ModelOption& option : model.options) all[option.name] = option.value;
  for (const auto& [name, value] : given) {
    const ModelOption* option = option_of(model, name);
    if (option == nullptr) {
      std::vector<std::string> others;
      for (const ModelEntry& other : model_entries())
        if (option_of(other, name) != nullptr) others.push_back(other.name);
      throw Error(
          text("model ", model.name, " has no option --", name, "; models that have it: ",
               others.empty() ? "none" : joined(others, [](const std::string& other) { return other; })));
    }
    MELLOW_CHECK(std::find(option->choices.begin(), option->choices.end(), value) != option->choices.end(),
                 "--", name, " of ", model.name, " must be one of ",
                 joined(option->choices, [](const std::string& choice) { return choice; }), "; got ", value);
    all[name] = value;
  }
  return all;
}

std::unique_ptr<Classifier> make_model(const std::string& name, const ModuleOptions& options,
                                       const ModelConfig& config) {
  const ModelEntry& model = find_model(name);
  MELLOW_CHECK(config.channels >= 1 && config.classes >= 1, "[", name,
               "] needs at least one channel and one class, got ", config.channels, " and ", config.classes);
  ModelConfig complete = config;
  complete.options = resolve_options(model, config.options);
  return model.make(options, complete);
}

}  // namespace mellow
