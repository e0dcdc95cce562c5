// SPDX-License-Identifier: MIT
#include "mellow/tools/recipe.h"

#include "mellow/engine/train/pretrainer.h"

namespace mellow::tools {

MadeRecipe make_recipe(Context& context, const Method& method, const MethodOptions& method_options,
                       const TrainingData& data, const EncoderOptions& encoder_options, uint64_t seed,
                       Progress& progress, const std::function<bool()>& stop) {
  MadeRecipe made;
  const auto representations = [&] {
    made.encoder = obtain_encoder(context, data.stored, encoder_options, seed, progress, stop);
    return encode_full_series(*made.encoder->network, encoder_input(context, *made.encoder, data.stored));
  };
  const auto raw_series = [&] {
    return to_device(context, data.train).view({data.train.series, data.train.row_size()});
  };
  made.recipe = method.build({.context = context,
                              .labels = data.train.labels,
                              .classes = static_cast<int64_t>(data.train.class_names.size()),
                              .representations = representations,
                              .raw_series = raw_series},
                             method_options);
  return made;
}

std::vector<float> labels_per_sample(const Recipe& recipe) {
  for (const SoftLabels* labels : {&recipe.q2, &recipe.q1})
    if (labels->table.defined() && labels->per_sample) return labels->table.to_vector<float>();
  return {};
}

}  // namespace mellow::tools
