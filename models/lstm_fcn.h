// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/models/fcn.h"

namespace mellow {

// How the LSTM reads a series.
enum class LstmInput {
  shuffle,  // one step of length · channels values, the original's "dimension shuffle"
  sequence  // step by step
};

struct LstmFcnConfig {
  int64_t channels = 1, classes = 2;
  int64_t length = 0;  // steps; shuffle needs it
  int64_t cells = 128;
  LstmInput input = LstmInput::shuffle;
  int64_t filters = 128;  // as in FcnConfig
  double dropout = 0.8;
};

// LSTM-FCN (Karim et al. 2018, titu1994/LSTM-FCN@0f258c7): an LSTM with dropout 0.8 beside the convolutions
// of Fcn, both concatenated before the linear head. Its gates are sigmoids in both frameworks (Keras 2.2 had
// "hard" ones). Weight names: lstm.weight_ih_l0, …, and those of Fcn.
class LstmFcn final : public Fcn {
 public:
  LstmFcn(const ModuleOptions& options, const LstmFcnConfig& config);
  Tensor features(const Tensor& x) override;  // [batch, cells + filters]: the LSTM's first

 private:
  LstmFcnConfig config_;
  LstmLayer& lstm_;
};

inline void register_lstm_fcn(ModelsTable& table) {
  table.entries.push_back(
      {"lstm-fcn",
       "LSTM beside an FCN, dropout 0.8 (Karim et al. 2018)",
       [](const ModuleOptions& options, const ModelConfig& config) -> std::unique_ptr<Classifier> {
         const bool shuffle = config.options.at("lstm") == "shuffle";
         return std::make_unique<LstmFcn>(
             options, LstmFcnConfig{.channels = config.channels,
                                    .classes = config.classes,
                                    .length = config.length,
                                    .cells = std::stoll(config.options.at("cells")),
                                    .input = shuffle ? LstmInput::shuffle : LstmInput::sequence});
       },
       {{"cells", "of the LSTM", {"8", "64", "100", "128"}, "128"},
        {"lstm", "one step of all values, or step by step", {"shuffle", "sequence"}, "shuffle"}}});
}

}  // namespace mellow
