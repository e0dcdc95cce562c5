// SPDX-License-Identifier: MIT
#include "mellow/tools/encoder.h"

#include <chrono>

#include <fmt/format.h>

#include "mellow/data/dataset.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/csv.h"
#include "mellow/engine/nn/state.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/encoder_cache.h"
#include "mellow/tools/model_file.h"
#include "mellow/tools/pretrain_checkpoint.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

constexpr int64_t most_depth = 24;  // of a file, as most_channels

std::string number_text(double value) { return CsvRow().add(value).text(); }

// Shows how far pretraining is and when it will be done.
class PretrainReport {
 public:
  PretrainReport(Progress& progress, int64_t iteration) : progress_(progress), from_(iteration) {}
  void operator()(const PretrainProgress& p) const {
    if (!progress_.due()) return;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
    progress_.show(fmt::format("pretraining {}/{}  loss {:.4f}  {} left", p.iteration, p.iterations, p.loss,
                               time_left(spent.count(), p.iteration - from_, p.iterations - p.iteration)));
  }

 private:
  Progress& progress_;
  int64_t from_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Encoder pretrain_encoder(Context& context, const SeriesSet& stored, const EncoderOptions& options,
                         uint64_t seed, PretrainCheckpoint& checkpoint, Progress& progress,
                         const std::function<bool()>& stop) {
  Encoder encoder;
  encoder.normalisation = options.normalisation;
  encoder.length = stored.length;
  encoder.tails = tails_of(stored);
  if (options.normalisation == "ts2vec" && is_stored_raw(stored.name)) encoder.scale = nan_scale(stored);
  encoder.network =
      std::make_unique<Ts2Vec>(ModuleOptions{&context}, Ts2VecConfig{.channels = stored.channels});
  initialize(*encoder.network, seed);
  Pretrainer pretrainer(*encoder.network, encoder_input(context, encoder, for_pretraining(stored)),
                        {.iterations = options.iterations, .batch_size = options.batch_size, .seed = seed});
  progress.note(fmt::format("pretraining the encoder, {} iterations", pretrainer.iterations()));
  checkpoint.load(pretrainer);
  const bool finished = pretrainer.run(PretrainReport(progress, pretrainer.iteration()), [&] {
    checkpoint.save_when_due(pretrainer);
    return stop();
  });
  if (finished) return encoder;
  throw Error(checkpoint.save(pretrainer) ? "interrupted while pretraining: the same command goes on"
                                          : "interrupted while pretraining",
              ErrorKind::cancelled);
}

NamedArrays pack(const Encoder& encoder) {
  NamedArrays file = state_of(*encoder.network);
  const Ts2VecConfig& config = encoder.network->config();
  file.metadata = {{"format_version", "1"},
                   {"model", "ts2vec"},
                   {"in_channels", std::to_string(config.channels)},
                   {"hidden", std::to_string(config.hidden)},
                   {"out", std::to_string(config.output)},
                   {"depth", std::to_string(config.depth)},
                   {"normalisation", encoder.normalisation},
                   {tails_key, name_of(encoder.tails)}};
  if (encoder.length > 0) file.metadata["length"] = std::to_string(encoder.length);
  if (encoder.scale.mean != 0 || encoder.scale.std != 1) {
    file.metadata["input_mean"] = number_text(encoder.scale.mean);
    file.metadata["input_std"] = number_text(encoder.scale.std);
  }
  store_checksum(file);
  return file;
}

Encoder read_encoder(Context& context, const std::string& path) {
  NamedArrays file = read_safetensors(path);
  const auto model = file.metadata.find("model");
  if (model == file.metadata.end() || model->second != "ts2vec")
    throw Error(fmt::format("{} is not an encoder of mellow: its metadata names no model ts2vec", path),
                ErrorKind::input);
  Encoder encoder;
  encoder.reused = true;
  if (file.metadata.contains("normalisation"))
    encoder.normalisation = metadata_choice(file, path, "normalisation", {"ts2vec", "zscore"});
  encoder.scale = {metadata_number(file, path, "input_mean").value_or(0),
                   metadata_number(file, path, "input_std").value_or(1)};
  if (file.metadata.contains("length")) encoder.length = metadata_size(file, path, "length", most_steps);
  encoder.tails = tails_in(file, path);
  const Ts2VecConfig config = {.channels = metadata_size(file, path, "in_channels", most_channels),
                               .hidden = metadata_size(file, path, "hidden", most_channels),
                               .depth = metadata_size(file, path, "depth", most_depth),
                               .output = metadata_size(file, path, "out", most_channels)};
  if (file.metadata.contains(checksum_key)) verify_checksum(file, path);
  encoder.network = std::make_unique<Ts2Vec>(ModuleOptions{&context}, config);
  load_state(*encoder.network, file, path);
  return encoder;
}

void check_takes(const Encoder& encoder, const SeriesSet& stored) {
  MELLOW_CHECK(stored.channels == encoder.network->config().channels, "the encoder takes series of ",
               encoder.network->config().channels, " channels, ", stored.name, " has ", stored.channels);
}

Tensor encoder_input(Context& context, const Encoder& encoder, SeriesSet stored) {
  check_takes(encoder, stored);
  if (stored.length < encoder.length) pad_with_nan(stored, encoder.length);
  if (encoder.normalisation == "zscore") {
    prepare_for_classifier(stored);
  } else {
    apply_scale(stored, encoder.scale);
  }
  return to_device(context, stored);
}

Encoder obtain_encoder(Context& context, const SeriesSet& stored, const EncoderOptions& options,
                       uint64_t seed, Progress& progress, const std::function<bool()>& stop) {
  if (!options.file.empty()) {
    progress.note("encoder: " + options.file);
    return read_encoder(context, options.file);
  }
  if (options.no_cache) {
    PretrainCheckpoint none("", "", progress);
    return pretrain_encoder(context, stored, options, seed, none, progress, stop);
  }
  const EncoderCache cache(options.cache);
  const std::string hash = pretraining_hash(context, stored, options, seed);
  const std::string path = cache.path_for(hash);
  const auto lock = cache.lock(path, stop);  // others that want the same encoder wait for it
  if (cache.holds(path)) {
    progress.note("encoder: reused from " + path);
    return read_encoder(context, path);
  }
  PretrainCheckpoint checkpoint(lock == nullptr ? "" : path + ".partial", hash, progress);
  Encoder encoder = pretrain_encoder(context, stored, options, seed, checkpoint, progress, stop);
  cache.store(path, pack(encoder), progress);
  checkpoint.remove();
  return encoder;
}

}  // namespace mellow::tools
