// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mellow {

// Epoch (from 0) → learning rate. observe() tells it each epoch's mean training loss.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual double rate(int64_t epoch) const = 0;
  virtual void observe(double training_loss) { (void)training_loss; }
  // What must be saved to go on later.
  virtual std::vector<double> state() const { return {}; }
  virtual void restore(const std::vector<double>& state);
};

struct ScheduleOptions {
  std::string name = "constant";  // constant, plateau, step, cosine
  double rate = 1e-3;
  int64_t epochs = 1;            // cosine: where it reaches `lowest`
  double factor = 0.5;           // plateau, step: what the rate is multiplied by
  int64_t patience = 50;         // plateau: epochs without improvement
  double lowest = 1e-4;          // plateau, cosine: smallest rate
  double improvement = 1e-4;     // plateau: how much lower counts (Keras's min_delta)
  std::vector<int64_t> at = {};  // step: epochs at which the rate drops
};

// Throws for unknown names and impossible values.
//   plateau: Keras's ReduceLROnPlateau on the training loss, without cooldown
//   step:    rate · factor^(number of `at` <= epoch)
//   cosine:  lowest + (rate - lowest) (1 + cos(π epoch / epochs)) / 2
std::unique_ptr<Schedule> make_schedule(const ScheduleOptions& options);

}  // namespace mellow
