// SPDX-License-Identifier: MIT
#include "mellow/models/make_model.h"

namespace mellow {

std::unique_ptr<Classifier> make_model(const std::string& name, const ModuleOptions& options,
                                       const ModelConfig& config) {
  std::string known;
  for (const ModelEntry& entry : model_entries()) {
    if (entry.name == name) {
      MELLOW_CHECK(config.channels >= 1 && config.classes >= 1, "[", name,
                   "] needs at least one channel and one class, ", "got ", config.channels, " and ",
                   config.classes);
      return entry.make(options, config);
    }
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw Error(text("unknown model ", name, "; known are ", known));
}

}  // namespace mellow
