// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mellow/engine/nn/model.h"

namespace mellow {

// A choice that a model leaves to its user.
struct ModelOption {
  std::string name;  // kebab-case, as typed after --
  std::string help;
  std::vector<std::string> choices;
  std::string value;  // default
};

// Values by option name.
using ModelOptions = std::map<std::string, std::string>;

struct ModelConfig {
  int64_t channels = 1;
  int64_t classes = 2;
  int64_t length = 0;         // steps of the series it is made for
  ModelOptions options = {};  // those that differ from the defaults
};

struct ModelEntry {
  std::string name;     // as users type it
  std::string summary;  // one line: what it is, source
  // Gets every option with its value.
  std::function<std::unique_ptr<Classifier>(const ModuleOptions&, const ModelConfig&)> make;
  std::vector<ModelOption> options = {};
};

// Filled by the register_<part> functions of the headers in this folder.
struct ModelsTable {
  std::vector<ModelEntry> entries;
};

// All classifiers of the build, by name.
const std::vector<ModelEntry>& model_entries();

// Throws for a name that does not exist, listing those that do.
const ModelEntry& find_model(const std::string& name);

// The model's defaults, overridden by what was given. Throws for an option it lacks, naming the models that
// have it, and for a value that is none of the choices.
ModelOptions resolve_options(const ModelEntry& model, const ModelOptions& given);

// Throws as find_model and resolve_options do. The weights are zero until initialize().
std::unique_ptr<Classifier> make_model(const std::string& name, const ModuleOptions& options,
                                       const ModelConfig& config);

}  // namespace mellow
