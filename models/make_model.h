// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mellow/engine/nn/model.h"

namespace mellow {

struct ModelConfig {
  int64_t channels = 1;
  int64_t classes = 2;
  int64_t length = 0;  // steps of the series it is made for
};

struct ModelEntry {
  std::string name;     // as users type it
  std::string summary;  // one line: what it is, source
  std::function<std::unique_ptr<Classifier>(const ModuleOptions&, const ModelConfig&)> make;
};

// Filled by the register_<part> functions of the headers in this folder.
struct ModelsTable {
  std::vector<ModelEntry> entries;
};

// All classifiers of the build, by name.
const std::vector<ModelEntry>& model_entries();

// Throws for a name that does not exist, listing those that do. The weights are zero until initialize().
std::unique_ptr<Classifier> make_model(const std::string& name, const ModuleOptions& options,
                                       const ModelConfig& config);

}  // namespace mellow
