// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mellow/data/prepare.h"
#include "mellow/data/readers.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/models/ts2vec.h"
#include "mellow/tools/options.h"

namespace mellow::tools {

class PretrainCheckpoint;
class Progress;

// A TS2Vec encoder and how its input is normalised: everything encoder.safetensors holds.
struct Encoder {
  std::unique_ptr<Ts2Vec> network;
  std::string normalisation = "ts2vec";  // or zscore
  SeriesScale scale;                     // of ts2vec on sets that are stored raw; else mean 0, std 1
  int64_t length = 0;          // steps of the series it was trained on, padding included; 0: unknown
  Tails tails = Tails::infer;  // how NaN at their end was read
  bool reused = false;         // read, not trained now
};

NamedArrays pack(const Encoder& encoder);
// Throws ErrorKind::input when the file is not an encoder of mellow.
Encoder read_encoder(Context& context, const std::string& path);

// Throws when the channels differ.
void check_takes(const Encoder& encoder, const SeriesSet& stored);
// Series as the encoder takes them (missing values stay NaN); throws when the channels differ. Shorter ones
// are padded to its length, because padding enters the maximum over time.
Tensor encoder_input(Context& context, const Encoder& encoder, SeriesSet stored);

// Trains on `stored`, from `checkpoint` on where it holds the same training; after `stop` said so it is saved
// there, and ErrorKind::cancelled thrown.
Encoder pretrain_encoder(Context& context, const SeriesSet& stored, const EncoderOptions& options,
                         uint64_t seed, PretrainCheckpoint& checkpoint, Progress& progress,
                         const std::function<bool()>& stop);

// Reads options.file, or takes the result of the same training from the cache, or trains; says which. What is
// stopped is kept in the cache, too. Throws ErrorKind::cancelled when `stop` said so.
Encoder obtain_encoder(Context& context, const SeriesSet& stored, const EncoderOptions& options,
                       uint64_t seed, Progress& progress, const std::function<bool()>& stop);

}  // namespace mellow::tools
