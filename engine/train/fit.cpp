// SPDX-License-Identifier: MIT
#include "mellow/engine/train/fit.h"

#include <array>
#include <cmath>
#include <limits>

#include "mellow/engine/nn/state.h"

namespace mellow {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The members of Metrics in a fixed order, for checkpoints.
std::array<double, 7> packed(const Metrics& m) {
  return {m.accuracy, m.nll, m.brier, m.ece, m.cwece, m.cwece_cc, m.macro_f1};
}

Metrics unpacked(const double* v) { return {v[0], v[1], v[2], v[3], v[4], v[5], v[6]}; }

constexpr int64_t row_width = 9;  // protocol, epoch, seven metrics

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
    : trainer_(trainer),
      student_(student),
      test_(test),
      validation_(validation),
      options_(options),
      train_loss_{infinity, 0, {}},
      validation_nll_{infinity, 0, {}} {
  MELLOW_CHECK(options.epochs >= 1 && options.evaluate_every >= 1,
               "[fit] epochs and evaluate_every must be at least 1, got ", options.epochs, " and ",
               options.evaluate_every);
}

bool Fit::run(const FitEvents& events) {
  while (trainer_.epoch() < options_.epochs) {
    const auto report = trainer_.run_epoch(events.stop);
    if (!report) return false;
    if (!(std::abs(report->loss) < infinity))
      throw Error(text("[fit] the training loss of epoch ", report->epoch,
                       " is not a number: lower the learning rate or use --precision fp32"),
                  ErrorKind::device);
    after_epoch(*report, events);
  }
  finish();
  return true;
}

void Fit::after_epoch(const EpochReport& report, const FitEvents& events) {
  if (report.loss < train_loss_.value) {
    train_loss_.value = report.loss;
    train_loss_.epoch = report.epoch;
    train_loss_.weights.take(student_.parameters);
  }
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
      results_[Protocol::best_test_at_5] = {report.epoch, *evaluation.test};
    if (final) results_[Protocol::last] = {report.epoch, *evaluation.test};
  }
  if (validation_ != nullptr) {
    evaluation.validation = evaluate(student_.model, *validation_);
    if (evaluation.validation->nll < validation_nll_.value) {
      validation_nll_.value = evaluation.validation->nll;
      validation_nll_.epoch = report.epoch;
      validation_nll_.weights.take(student_.parameters);
    }
  }
  if (events.evaluation) events.evaluation(evaluation);
}

void Fit::finish() {
  last_.take(student_.parameters);
  if (test_ == nullptr) return;
  for (const auto& [protocol, best] :
       {std::pair<Protocol, Best*>{Protocol::best_train_loss, &train_loss_},
        std::pair<Protocol, Best*>{Protocol::best_validation, &validation_nll_}}) {
    if (best->weights.empty()) continue;
    best->weights.restore(student_.parameters);
    results_[protocol] = {best->epoch, evaluate(student_.model, *test_)};
  }
  last_.restore(student_.parameters);
}

bool Fit::has_weights(Protocol protocol) const {
  if (protocol == Protocol::best_train_loss) return !train_loss_.weights.empty();
  if (protocol == Protocol::best_validation) return !validation_nll_.weights.empty();
  return protocol == Protocol::last && !last_.empty();
}

void Fit::select(Protocol protocol) {
  MELLOW_CHECK(has_weights(protocol), "[fit] there are no weights of protocol ", name_of(protocol),
               protocol == Protocol::best_validation ? ": it needs a validation set" : "");
  const Snapshot& kept = protocol == Protocol::best_train_loss   ? train_loss_.weights
                         : protocol == Protocol::best_validation ? validation_nll_.weights
                                                                 : last_;
  kept.restore(student_.parameters);
}

NamedArrays Fit::save() const {
  NamedArrays state = trainer_.save();
  for (const auto& [name, best] :
       {std::pair<const char*, const Best*>{"best_train_loss", &train_loss_},
        std::pair<const char*, const Best*>{"best_validation", &validation_nll_}}) {
    if (best->weights.empty()) continue;
    state.arrays.emplace_back(text(name, ".weights"), to_host(best->weights.weights()));
    state.arrays.emplace_back(text(name, ".buffers"), to_host(best->weights.buffers()));
    state.arrays.emplace_back(text(name, ".at"),
                              host_array(std::vector<double>{best->value, static_cast<double>(best->epoch)}));
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
  for (const auto& [name, best] : {std::pair<const char*, Best*>{"best_train_loss", &train_loss_},
                                   std::pair<const char*, Best*>{"best_validation", &validation_nll_}}) {
    if (state.find(text(name, ".weights")) == nullptr) continue;
    best->weights.take(student_.parameters);
    from_host(best->weights.weights(), state.at(text(name, ".weights")), where);
    from_host(best->weights.buffers(), state.at(text(name, ".buffers")), where);
    const auto at = host_values<double>(state.at(text(name, ".at")), where, 2);
    best->value = at[0];
    best->epoch = static_cast<int64_t>(at[1]);
  }
  const auto rows = host_values<double>(state.at("results"), where);
  if (rows.size() % row_width != 0)
    throw Error(text(where, ": the saved results are damaged"), ErrorKind::input);
  results_.clear();
  for (size_t i = 0; i < rows.size(); i += row_width) {
    if (rows[i] < 0 || rows[i] > 3)
      throw Error(text(where, ": unknown protocol among the results"), ErrorKind::input);
    results_[static_cast<Protocol>(static_cast<int>(rows[i]))] = {static_cast<int64_t>(rows[i + 1]),
                                                                  unpacked(&rows[i + 2])};
  }
}

}  // namespace mellow
