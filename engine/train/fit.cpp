// SPDX-License-Identifier: MIT
#include "mellow/engine/train/fit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "mellow/engine/nn/state.h"
#include "mellow/engine/train/temperature_scaling.h"

namespace mellow {
namespace {

// The members of Metrics in a fixed order, for checkpoints.
std::array<double, 9> packed(const Metrics& m) {
  return {m.accuracy, m.nll,      m.brier,           m.ece,        m.cwece,
          m.cwece_cc, m.macro_f1, m.per_class_error, m.instability};
}

Metrics unpacked(const double* v) { return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]}; }

constexpr size_t row_width = 2 + std::tuple_size_v<decltype(packed({}))>;  // protocol, epoch, metrics
constexpr double last_protocol = static_cast<double>(Protocol::best_test_at_5);

}  // namespace

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::last: return "last";
    case Protocol::best_train_loss: return "best_train_loss";
    case Protocol::best_validation: return "best_validation";
    case Protocol::best_test_at_5: return "best_test_at_5";
  }
  return "?";
}

Fit::Fit(Trainer& trainer, const Student& student, const LabelledSet* test, const LabelledSet* validation,
         const FitOptions& options)
    : trainer_(trainer), student_(student), test_(test), validation_(validation), options_(options) {
  MELLOW_CHECK(options.epochs >= 1 && options.evaluate_every >= 1,
               "[fit] epochs and evaluate_every must be at least 1, got ", options.epochs, " and ",
               options.evaluate_every);
}

bool Fit::run(const FitEvents& events) {
  while (trainer_.epoch() < options_.epochs) {
    const auto report = trainer_.run_epoch(events.stop);
    if (!report) return false;
    if (!std::isfinite(report->loss))
      throw Error(text("[fit] the training loss of epoch ", report->epoch,
                       " is not a number: lower the learning rate or use --precision fp32"),
                  ErrorKind::device);
    after_epoch(*report, events);
  }
  finish();
  return true;
}

void Fit::after_epoch(const EpochReport& report, const FitEvents& events) {
  keep_if_lowest(Protocol::best_train_loss, report.loss, report.epoch);
  if (events.epoch) events.epoch(report);
  const bool final = report.epoch == options_.epochs;
  // The papers' protocol looks at every fifth epoch: it has a result only when those are evaluated anyway.
  const bool at_5 = report.epoch % 5 == 0 && 5 % options_.evaluate_every == 0;
  if (report.epoch % options_.evaluate_every != 0 && !final) return;
  EvaluationReport evaluation{report, {}, {}};
  if (test_ != nullptr) {
    evaluation.test = evaluate(student_.model, *test_);
    const auto best = results_.find(Protocol::best_test_at_5);
    if (at_5 && (best == results_.end() || evaluation.test->accuracy > best->second.test.accuracy))
      results_[Protocol::best_test_at_5] = {report.epoch, *evaluation.test, {}, {}};
  }
  if (validation_ != nullptr) {
    evaluation.validation = evaluate(student_.model, *validation_);
    keep_if_lowest(Protocol::best_validation, evaluation.validation->nll, report.epoch);
  }
  if (events.evaluation) events.evaluation(evaluation);
}

void Fit::keep_if_lowest(Protocol protocol, double value, int64_t epoch) {
  Best& best = best_.at(protocol);
  if (!(value < best.value)) return;
  best.value = value;
  best.epoch = epoch;
  best.weights.take(student_.parameters);
}

void Fit::finish() {
  last_.take(student_.parameters);
  if (test_ == nullptr) return;
  results_[Protocol::last] = score_weights(options_.epochs);
  for (const auto& [protocol, best] : best_) {
    if (best.weights.empty()) continue;
    best.weights.restore(student_.parameters);
    results_[protocol] = score_weights(best.epoch);
  }
  last_.restore(student_.parameters);
}

ProtocolResult Fit::score_weights(int64_t epoch) const {
  Classifier& model = student_.model;
  const auto logits = logits_of(model, test_->x);
  const auto test_scores = [&](double temperature) {
    return score(probabilities_of(logits, test_->classes, temperature), test_->truth, test_->classes);
  };
  ProtocolResult result{epoch, test_scores(1), evaluate(model, trainer_.set()), {}};
  if (validation_ == nullptr) return result;
  const auto held_out = logits_of(model, validation_->x);
  // A network that overflows in evaluation mode has scores that say so, and no temperature.
  if (std::all_of(held_out.begin(), held_out.end(), [](float z) { return std::isfinite(z); })) {
    const double temperature = fit_temperature(std::vector<double>(held_out.begin(), held_out.end()),
                                               validation_->truth, validation_->classes);
    result.scaled = {temperature, test_scores(temperature)};
  }
  return result;
}

const Snapshot* Fit::weights_of(Protocol protocol) const {
  const auto best = best_.find(protocol);
  const Snapshot* kept = best != best_.end()          ? &best->second.weights
                         : protocol == Protocol::last ? &last_
                                                      : nullptr;
  return kept == nullptr || kept->empty() ? nullptr : kept;
}

void Fit::select(Protocol protocol) {
  const char* why = protocol != Protocol::best_validation ? ""
                    : validation_ == nullptr              ? ": it needs a validation set"
                                                          : ": the validation loss was never a number";
  MELLOW_CHECK(has_weights(protocol), "[fit] there are no weights of protocol ", name_of(protocol), why);
  weights_of(protocol)->restore(student_.parameters);
}

NamedArrays Fit::save() const {
  NamedArrays state = trainer_.save();
  for (const auto& [protocol, best] : best_) {
    if (best.weights.empty()) continue;
    const std::string name = name_of(protocol);
    state.arrays.emplace_back(name + ".weights", to_host(best.weights.weights()));
    state.arrays.emplace_back(name + ".buffers", to_host(best.weights.buffers()));
    state.arrays.emplace_back(name + ".at",
                              host_array(std::vector<double>{best.value, static_cast<double>(best.epoch)}));
  }
  std::vector<double> rows;
  for (const auto& [protocol, result] : results_) {
    rows.push_back(static_cast<double>(protocol));
    rows.push_back(static_cast<double>(result.epoch));
    for (const double value : packed(result.test)) rows.push_back(value);
  }
  state.arrays.emplace_back("results", host_array(rows));
  return state;
}

void Fit::load(const NamedArrays& state, const std::string& where) {
  trainer_.load(state, where);
  for (auto& [protocol, best] : best_) {
    const std::string name = name_of(protocol);
    if (state.find(name + ".weights") == nullptr) continue;
    best.weights.take(student_.parameters);
    from_host(best.weights.weights(), state.at(name + ".weights"), where);
    from_host(best.weights.buffers(), state.at(name + ".buffers"), where);
    const auto at = host_values<double>(state.at(name + ".at"), where, 2);
    best.value = at[0];
    best.epoch = static_cast<int64_t>(at[1]);
  }
  const auto rows = host_values<double>(state.at("results"), where);
  if (rows.size() % row_width != 0)
    throw Error(text(where, ": the saved results are damaged"), ErrorKind::input);
  results_.clear();
  for (size_t i = 0; i < rows.size(); i += row_width) {
    if (!(rows[i] >= 0 && rows[i] <= last_protocol))
      throw Error(text(where, ": unknown protocol among the results"), ErrorKind::input);
    results_[static_cast<Protocol>(static_cast<int>(rows[i]))] = {
        static_cast<int64_t>(rows[i + 1]), unpacked(&rows[i + 2]), {}, {}};
  }
}

}  // namespace mellow
