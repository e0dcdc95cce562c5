// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

namespace mellow {
class Pretrainer;
}

namespace mellow::tools {

class Progress;

// A pretraining that is not finished, in a file until it is: the same training, started again, goes on there
// and ends with the same bytes.
class PretrainCheckpoint {
 public:
  // `training` names all that decides the result (pretraining_hash). With an empty path nothing is kept.
  PretrainCheckpoint(std::string path, std::string training, Progress& progress);

  // Puts the pretrainer where the file says. A file that is damaged, or of another training, is passed over.
  void load(Pretrainer& pretrainer);
  // Saves when about a minute has passed since the last time; to be called between iterations.
  void save_when_due(const Pretrainer& pretrainer);
  // False when there is no file to go on from: nothing is to be kept, or it cannot be written, which is told.
  bool save(const Pretrainer& pretrainer);
  // The training is finished.
  void remove();

 private:
  std::string path_, training_;
  Progress& progress_;
  std::chrono::steady_clock::time_point saved_at_;
};

}  // namespace mellow::tools
