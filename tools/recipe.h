// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "mellow/losses/method.h"
#include "mellow/tools/encoder.h"
#include "mellow/tools/training.h"

namespace mellow::tools {

// A method made ready for a job, and the encoder it asked for.
struct MadeRecipe {
  Recipe recipe;
  std::optional<Encoder> encoder;
};

// Reads the encoder of --encoder, if any, and checks that it takes the job's series.
void check_given_encoder(const TrainingJob& job);

MadeRecipe make_recipe(const TrainingJob& job, const EncoderOptions& encoder,
                       const std::function<TeacherOutputs()>& teacher);

// The soft labels of every training series, [samples, classes]: q2 where the method has it per sample, else
// q1; empty when labels depend on the class alone or move.
std::vector<float> labels_per_sample(const Recipe& recipe);

}  // namespace mellow::tools
