// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>

#include "mellow/data/readers.h"
#include "mellow/engine/io/csv.h"
#include "mellow/engine/train/pretrainer.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/encoder.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/streams.h"

namespace mellow::tools {
namespace {

struct EncodeCommand {
  DeviceOptions device;
  std::string encoder, in, out = "-";
  bool unlabelled = false;
};

std::string representations_csv(const std::vector<float>& values, int64_t width) {
  CsvRow header;
  for (int64_t k = 0; k < width; ++k) header.add("r" + std::to_string(k));
  std::string out = header.text() + '\n';
  for (size_t at = 0; at < values.size(); at += static_cast<size_t>(width)) {
    CsvRow row;
    for (size_t k = 0; k < static_cast<size_t>(width); ++k) row.add(values[at + k]);
    out += row.text() + '\n';
  }
  return out;
}

int encode(const EncodeCommand& o) {
  Progress progress(true);
  const auto context = make_context(o.device, progress);
  const Encoder encoder = read_encoder(*context, o.encoder);
  const SeriesSet set = read_series(o.in, {.label_column = !o.unlabelled, .tails = encoder.tails});
  const Tensor encoded = encode_full_series(*encoder.network, encoder_input(*context, encoder, set));
  write_output(o.out, representations_csv(encoded.to_vector<float>(), encoded.dim(1)));
  return 0;
}

}  // namespace

Run encode_command(CLI::App& command) {
  const auto o = std::make_shared<EncodeCommand>();
  command.add_option("--encoder", o->encoder, "from mellow pretrain or a run directory")
      ->type_name("FILE")
      ->required();
  command.add_option("--in", o->in, "series")->type_name("FILE")->required();
  command.add_option("--out", o->out, "CSV with the columns r0, r1, …; - is stdout")->type_name("FILE");
  command.add_flag("--unlabelled", o->unlabelled, "the first column is a value, not a label");
  add_device_options(command, o->device);
  return [o](const auto&) { return encode(*o); };
}

}  // namespace mellow::tools
