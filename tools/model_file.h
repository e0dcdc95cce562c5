// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mellow/data/readers.h"
#include "mellow/data/series.h"
#include "mellow/engine/core/context.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/engine/nn/model.h"
#include "mellow/models/make_model.h"

namespace mellow::tools {

// Bounds on what a hostile file can make us allocate, far beyond any real model.
inline constexpr int64_t most_steps = 1 << 24, most_channels = 1 << 16;

// What model.safetensors says of itself beside the weights.
struct ModelDescription {
  std::string model;
  ModelOptions model_options;  // all that the model has
  std::string method;
  int64_t channels = 1, length = 0;
  Framework framework = Framework::torch;
  std::vector<std::string> class_names;
  Tails tails = Tails::infer;  // how NaN at the end of a series was read; infer: an older file does not say
  std::optional<double> temperature;  // fitted to the validation series, where there were any
};

NamedArrays pack(const Classifier& network, const ModelDescription& description);

// The model file at `path`, which is that file or a run directory.
std::string model_path(const std::string& path);

struct LoadedModel {
  ModelDescription description;
  std::unique_ptr<Classifier> network;
};
// `path` is the file or a run directory. Throws ErrorKind::input when it is not a model of mellow.
LoadedModel read_model(Context& context, const std::string& path);

// The folder of network number i (from 0) of the ensemble in `path`.
std::string member_path(const std::string& path, int64_t i);
std::vector<LoadedModel> read_members(Context& context, const std::string& path, int64_t members);
// All networks of the ensemble in `path`, as many as its run.json says, or the one of a plain run or file.
std::vector<LoadedModel> read_models(Context& context, const std::string& path);
// The logits of one network for x [samples, length, channels], or the logarithms of several networks' mean
// probabilities: [samples, classes].
std::vector<float> pooled_logits(const std::vector<LoadedModel>& networks, const Tensor& x);

inline constexpr const char* tails_key = "trailing_nan";  // of the metadata
// "padding", "missing" or "infer".
std::string name_of(Tails tails);
// Of a file's metadata; infer where it does not say. Throws ErrorKind::input for another word.
Tails tails_in(const NamedArrays& file, const std::string& path);

// What a file's metadata say. They throw ErrorKind::input, naming file and key, for a word that is none of
// the choices, a size that is not in 1 … most, a number that is not one, and for what is missing; of a number
// that is missing metadata_number() gives nothing.
const std::string& metadata_choice(const NamedArrays& file, const std::string& path, const std::string& key,
                                   const std::vector<std::string>& choices);
int64_t metadata_size(const NamedArrays& file, const std::string& path, const std::string& key, int64_t most);
std::optional<double> metadata_number(const NamedArrays& file, const std::string& path,
                                      const std::string& key);

// Series of a file as the model takes them: checks channels and length, fills, normalises and pads as
// training did.
void prepare_for_model(const ModelDescription& model, SeriesSet& set);

}  // namespace mellow::tools
