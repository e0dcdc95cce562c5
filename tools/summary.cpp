// SPDX-License-Identifier: MIT
#include "mellow/tools/summary.h"

#include "mellow/engine/io/csv.h"

namespace mellow::tools {

std::string summary_csv(const std::vector<PlannedRun>& plan, const std::vector<Outcome>& outcomes) {
  std::string csv = "dataset,model,method,seed,protocol,epoch,accuracy,nll,ece,cwece,seconds\n";
  for (size_t i = 0; i < plan.size(); ++i) {
    if (!outcomes[i].run) continue;
    const TrainOptions& o = plan[i].options;
    const Json& record = outcomes[i].run->record;
    for (const auto& [protocol, result] : record.at("results").items()) {
      CsvRow row;
      row.add(record.at("data").at("name").get<std::string>()).add(o.model).add(o.method).add(o.seed);
      row.add(protocol).add(result.at("epoch").get<int64_t>());
      for (const char* score : {"accuracy", "nll", "ece", "cwece"}) row.add(result.at(score).get<double>());
      row.add(record.at("seconds").get<double>());
      csv += row.text() + '\n';
    }
  }
  return csv;
}

}  // namespace mellow::tools
