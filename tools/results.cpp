// SPDX-License-Identifier: MIT
#include "mellow/tools/results.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mellow/engine/io/csv.h"

namespace mellow::tools {

int64_t undefined_rows(const std::vector<double>& probabilities, int64_t classes) {
  int64_t count = 0;
  const auto k = static_cast<size_t>(classes);
  for (size_t i = 0; i + k <= probabilities.size(); i += k)
    count += std::any_of(&probabilities[i], &probabilities[i] + k, [](double p) { return std::isnan(p); });
  return count;
}

std::string undefined_warning(int64_t rows, int64_t series) {
  return fmt::format(
      "warning: the predictions for {} of {} series are not numbers (the network overflows); they count as "
      "the first class, so the accuracy says little",
      rows, series);
}

std::string soft_labels_csv(const std::vector<int64_t>& positions, const std::vector<int32_t>& labels,
                            const std::vector<std::string>& class_names, const std::vector<float>& rows) {
  CsvRow header;
  header.add("index").add("label");
  for (const std::string& name : class_names) header.add("q_" + name);
  std::string out = header.text() + '\n';
  for (size_t i = 0; i < labels.size(); ++i) {
    CsvRow row;
    row.add(positions[i]).add(class_names[static_cast<size_t>(labels[i])]);
    for (size_t k = 0; k < class_names.size(); ++k) row.add(rows[i * class_names.size() + k]);
    out += row.text() + '\n';
  }
  return out;
}

std::string predictions_csv(const std::vector<int32_t>& labels, const std::vector<std::string>& class_names,
                            const std::vector<double>& probabilities) {
  CsvRow header;
  header.add("index");
  if (!labels.empty()) header.add("label");
  header.add("predicted");
  for (const std::string& name : class_names) header.add("p_" + name);
  std::string out = header.text() + '\n';
  const auto predicted = predictions_of(probabilities, static_cast<int64_t>(class_names.size()));
  for (size_t i = 0; i < predicted.size(); ++i) {
    CsvRow row;
    row.add(i);
    if (!labels.empty()) row.add(class_names[static_cast<size_t>(labels[i])]);
    row.add(class_names[static_cast<size_t>(predicted[i])]);
    for (size_t k = 0; k < class_names.size(); ++k)
      row.add(static_cast<float>(probabilities[i * class_names.size() + k]));
    out += row.text() + '\n';
  }
  return out;
}

std::string reliability_csv(const std::vector<ReliabilityBin>& bins,
                            const std::vector<ReliabilityBin>& scaled) {
  CsvRow header;
  for (const char* name : {"low", "high", "count", "confidence", "accuracy"}) header.add(name);
  if (!scaled.empty())
    for (const char* name : {"scaled_count", "scaled_confidence", "scaled_accuracy"}) header.add(name);
  std::string out = header.text() + '\n';
  const auto add = [](CsvRow& row, const ReliabilityBin& bin) {
    row.add(bin.count);
    if (bin.count > 0) {
      row.add(bin.confidence).add(bin.accuracy);
    } else {
      row.add("").add("");
    }
  };
  for (size_t n = 0; n < bins.size(); ++n) {
    CsvRow row;
    row.add(bins[n].low).add(bins[n].high);
    add(row, bins[n]);
    if (!scaled.empty()) add(row, scaled[n]);
    out += row.text() + '\n';
  }
  return out;
}

std::string confusion_csv(const std::vector<int64_t>& counts, const std::vector<std::string>& class_names) {
  CsvRow header;
  header.add("label");
  for (const std::string& name : class_names) header.add("predicted_" + name);
  std::string out = header.text() + '\n';
  for (size_t y = 0; y < class_names.size(); ++y) {
    CsvRow row;
    row.add(class_names[y]);
    for (size_t k = 0; k < class_names.size(); ++k) row.add(counts[y * class_names.size() + k]);
    out += row.text() + '\n';
  }
  return out;
}

Json to_json(const Metrics& m) {
  Json scores = {{"accuracy", m.accuracy},
                 {"nll", m.nll},
                 {"brier", m.brier},
                 {"ece", m.ece},
                 {"cwece", m.cwece},
                 {"cwece_cc", m.cwece_cc},
                 {"macro_f1", m.macro_f1},
                 {"per_class_error", m.per_class_error},
                 {"instability", m.instability}};
  for (Json& value : scores) value = unsigned_nan(value.get<double>());
  return scores;
}

Json to_json(const ClassSeparation& s) {
  return {{"intra_distance", s.intra},
          {"inter_distance", s.inter},
          {"distance_ratio", s.ratio},
          {"silhouette", s.silhouette}};
}

Json to_json(const ProtocolResult& result) {
  Json entry = {{"epoch", result.epoch}};
  entry.update(to_json(result.test));
  if (result.train) entry["train"] = to_json(*result.train);
  if (result.scaled) {
    entry["temperature"] = result.scaled->temperature;
    entry["temperature_scaled"] = to_json(result.scaled->test);
  }
  return entry;
}

}  // namespace mellow::tools
