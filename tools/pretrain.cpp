// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/data/readers.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/train/nearest_neighbour.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/dataset.h"
#include "mellow/tools/encoder.h"
#include "mellow/tools/encoder_cache.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/pretrain_checkpoint.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

struct PretrainCommand {
  DataOptions data;
  DeviceOptions device;
  EncoderOptions encoder;
  uint64_t seed = 0;
  std::string out = "encoder.safetensors";
  bool quiet = false, score = false;
};

// What the representations are worth without any classifier, beside the series themselves.
void print_score(Context& context, const Encoder& encoder, const TrainingData& data) {
  const auto encoded = [&](const SeriesSet& stored) {
    return encode_full_series(*encoder.network, encoder_input(context, encoder, stored)).to_vector<float>();
  };
  const auto train = encoded(data.stored), test = encoded(data.stored_test);
  const auto dims = static_cast<int64_t>(train.size()) / data.train.series;
  const double learned =
      nearest_neighbour_accuracy({train, data.train.labels}, {test, data.test.labels}, dims);
  const double raw = nearest_neighbour_accuracy({data.train.values, data.train.labels},
                                                {data.test.values, data.test.labels}, data.train.row_size());
  fmt::print("1-nearest-neighbour accuracy on the test set: {:.4f} by representation, {:.4f} by raw series\n",
             learned, raw);
}

int pretrain(const PretrainCommand& o) {
  Progress progress(o.quiet);
  const auto context = make_context(o.device, progress);
  const TrainingData data = open_training_data(o.data, 0, o.seed, progress, o.score);
  Interrupt interrupt;
  try {
    PretrainCheckpoint checkpoint(o.out + ".partial",
                                  pretraining_hash(*context, data.stored, o.encoder, o.seed), progress);
    const Encoder encoder = pretrain_encoder(*context, data.stored, o.encoder, o.seed, checkpoint, progress,
                                             [&] { return interrupt.requested(); });
    write_safetensors(o.out, pack(encoder));
    checkpoint.remove();
    if (o.score) print_score(*context, encoder, data);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "{}\n", error.what());
    return interrupt.exit_code();
  }
  fmt::print("{}\n", o.out);
  return 0;
}

}  // namespace

Run pretrain_command(CLI::App& command) {
  const auto o = std::make_shared<PretrainCommand>();
  add_data_options(command, o->data);
  add_pretrain_options(command, o->encoder);
  add_seed(command, o->seed, "drives start, crops, masks and order")->group("Encoder");
  command.add_option("--out", o->out, "where the encoder goes")->type_name("FILE");
  command.add_flag("--score", o->score, "print 1-nearest-neighbour accuracy, encoded and raw");
  command.add_flag("--quiet", o->quiet, "no progress on stderr");
  add_device_options(command, o->device);
  return [o](const auto&) { return pretrain(*o); };
}

}  // namespace mellow::tools
