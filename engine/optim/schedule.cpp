// SPDX-License-Identifier: MIT
#include "mellow/engine/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "mellow/engine/core/error.h"

namespace mellow {
namespace {

class Constant final : public Schedule {
 public:
  explicit Constant(const ScheduleOptions& o) : rate_(o.rate) {}
  double rate(int64_t) const override { return rate_; }

 private:
  double rate_;
};

class Plateau final : public Schedule {
 public:
  explicit Plateau(const ScheduleOptions& o) : options_(o), rate_(o.rate) {}
  double rate(int64_t) const override { return rate_; }
  void observe(double training_loss) override {
    if (training_loss < best_ - options_.improvement) {
      best_ = training_loss;
      wait_ = 0;
      return;
    }
    wait_ += 1;
    if (wait_ < static_cast<double>(options_.patience)) return;
    rate_ = std::max(rate_ * options_.factor, std::min(rate_, options_.lowest));
    wait_ = 0;
  }
  std::vector<double> state() const override { return {rate_, best_, wait_}; }
  void restore(const std::vector<double>& state) override {
    MELLOW_CHECK(state.size() == 3, "[schedule] plateau saves three numbers, got ", state.size());
    rate_ = state[0];
    best_ = state[1];
    wait_ = state[2];
  }

 private:
  ScheduleOptions options_;
  double rate_, best_ = std::numeric_limits<double>::infinity(), wait_ = 0;
};

class Steps final : public Schedule {
 public:
  explicit Steps(const ScheduleOptions& o) : options_(o) {}
  double rate(int64_t epoch) const override {
    const auto drops =
        std::count_if(options_.at.begin(), options_.at.end(), [&](int64_t at) { return at <= epoch; });
    return options_.rate * std::pow(options_.factor, static_cast<double>(drops));
  }

 private:
  ScheduleOptions options_;
};

class Cosine final : public Schedule {
 public:
  explicit Cosine(const ScheduleOptions& o) : options_(o) {}
  double rate(int64_t epoch) const override {
    const double part = std::min(1.0, static_cast<double>(epoch) / static_cast<double>(options_.epochs));
    return options_.lowest + (options_.rate - options_.lowest) * (1 + std::cos(std::numbers::pi * part)) / 2;
  }

 private:
  ScheduleOptions options_;
};

}  // namespace

void Schedule::restore(const std::vector<double>& state) {
  MELLOW_CHECK(state.empty(), "[schedule] this schedule saves nothing, got ", state.size(), " numbers");
}

std::unique_ptr<Schedule> make_schedule(const ScheduleOptions& o) {
  MELLOW_CHECK(o.rate > 0 && std::isfinite(o.rate), "[schedule] the learning rate must be above 0, got ",
               o.rate);
  MELLOW_CHECK(o.factor > 0 && o.factor < 1, "[schedule] the factor must lie in (0, 1), got ", o.factor);
  MELLOW_CHECK(o.patience >= 1 && o.epochs >= 1, "[schedule] patience and epochs must be at least 1, got ",
               o.patience, " and ", o.epochs);
  MELLOW_CHECK(o.lowest >= 0, "[schedule] the lowest rate must not be negative, got ", o.lowest);
  if (o.name == "constant") return std::make_unique<Constant>(o);
  if (o.name == "plateau") return std::make_unique<Plateau>(o);
  if (o.name == "step") return std::make_unique<Steps>(o);
  if (o.name == "cosine") return std::make_unique<Cosine>(o);
  throw Error(text("[schedule] unknown schedule ", o.name, ": constant, plateau, step and cosine exist"));
}

}  // namespace mellow
