// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mellow/engine/train/calibration.h"
#include "mellow/engine/train/class_separation.h"
#include "mellow/engine/train/fit.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/tools/run_record.h"

// What trainings and evaluations write: tables as CSV, scores as JSON (docs/run-directory.md).
namespace mellow::tools {

// How many rows of probabilities hold a NaN; and what to say of them.
int64_t undefined_rows(const std::vector<double>& probabilities, int64_t classes);
std::string undefined_warning(int64_t rows, int64_t series);

// index,label,q_<class>…: one row per training series, at `positions` of its file.
std::string soft_labels_csv(const std::vector<int64_t>& positions, const std::vector<int32_t>& labels,
                            const std::vector<std::string>& class_names, const std::vector<float>& rows);
// index,label,predicted,p_<label>…; the column `label` only when labels are given.
std::string predictions_csv(const std::vector<int32_t>& labels, const std::vector<std::string>& class_names,
                            const std::vector<double>& probabilities);

// low,high,count,confidence,accuracy, and of the temperature-scaled bins scaled_count,… unless they are
// empty. Means of a bin without series are left out.
std::string reliability_csv(const std::vector<ReliabilityBin>& bins,
                            const std::vector<ReliabilityBin>& scaled);
// label,predicted_<class>…: one row of counts per label.
std::string confusion_csv(const std::vector<int64_t>& counts, const std::vector<std::string>& class_names);

Json to_json(const Metrics& metrics);
Json to_json(const ClassSeparation& separation);
Json to_json(const ProtocolResult& result);

}  // namespace mellow::tools
