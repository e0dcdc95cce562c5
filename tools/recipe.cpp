// SPDX-License-Identifier: MIT
#include "mellow/tools/recipe.h"

#include "mellow/engine/train/pretrainer.h"
#include "mellow/tools/interrupt.h"

namespace mellow::tools {

void check_given_encoder(const TrainingJob& job) {
  if (job.options.encoder.file.empty()) return;
  check_takes(read_encoder(job.context, job.options.encoder.file), job.data.stored);
}

MadeRecipe make_recipe(const TrainingJob& job, const EncoderOptions& encoder,
                       const std::function<TeacherOutputs()>& teacher) {
  MadeRecipe made;
  const TrainingData& data = job.data;
  const auto representations = [&] {
    made.encoder = obtain_encoder(job.context, data.stored, encoder, job.options.seed, job.progress,
                                  [&] { return job.interrupt.requested(); });
    return encode_full_series(*made.encoder->network, encoder_input(job.context, *made.encoder, data.stored));
  };
  const auto raw_series = [&] {
    return to_device(job.context, data.train).view({data.train.series, data.train.row_size()});
  };
  made.recipe = job.method.build({.context = job.context,
                                  .labels = data.train.labels,
                                  .classes = static_cast<int64_t>(data.train.class_names.size()),
                                  .epochs = job.options.epochs,
                                  .seed = job.options.seed,
                                  .representations = representations,
                                  .raw_series = raw_series,
                                  .teacher = teacher},
                                 job.method_options);
  return made;
}

std::vector<float> labels_per_sample(const Recipe& recipe) {
  if (recipe.moving) return {};
  for (const SoftLabels* labels : {&recipe.q2, &recipe.q1})
    if (labels->table.defined() && labels->per_sample) return labels->table.to_vector<float>();
  return {};
}

}  // namespace mellow::tools
