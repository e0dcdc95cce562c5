// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "mellow/losses/method.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/encoder.h"

namespace mellow::tools {

// A method made ready for a dataset, and the encoder it asked for.
struct MadeRecipe {
  Recipe recipe;
  std::optional<Encoder> encoder;
};

MadeRecipe make_recipe(Context& context, const Method& method, const MethodOptions& method_options,
                       const TrainingData& data, const EncoderOptions& encoder_options, uint64_t seed,
                       Progress& progress, const std::function<bool()>& stop);

// The soft labels of every training series, [samples, classes]: q2 where the method has it per sample, else
// q1; empty when labels hang on the class alone.
std::vector<float> labels_per_sample(const Recipe& recipe);

}  // namespace mellow::tools
