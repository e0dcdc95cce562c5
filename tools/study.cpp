// SPDX-License-Identifier: MIT
#include <cmath>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/options.h"
#include "mellow/tools/run_plan.h"
#include "mellow/tools/study/ils_synthetic.h"
#include "mellow/tools/study/soft_labels.h"

namespace mellow::tools {
namespace {

// "3e-3,1e-2"
std::vector<double> rates_of(const std::string& list) {
  std::vector<double> rates;
  for (const std::string& word : split_list("--lr", list)) {
    const auto rate = parse_number<double>(word);
    if (!rate || !(*rate > 0) || !std::isfinite(*rate))
      throw Error(fmt::format("--lr takes positive numbers with commas between, got \"{}\"", list));
    rates.push_back(*rate);
  }
  return rates;
}

Run ils_synthetic_study(CLI::App& command) {
  const auto o = std::make_shared<IlsSyntheticOptions>();
  const auto rates = std::make_shared<std::string>("3e-3,1e-2");
  add_count(command, "--replicates", o->replicates, 1, "data sets drawn and studied");
  command.add_option("--lr", *rates, "learning rates, each a study of its own")->type_name("LIST");
  add_seed(command, o->seed, "same seed, same numbers, for any number of threads");
  add_threads(command, o->threads, "0: one per core");
  command
      .add_option("--out", o->out, "folder of tables and finished replicates; goes on where it was stopped")
      ->type_name("DIR");
  command.add_flag("--quiet", o->quiet, "no progress on stderr");
  return [o, rates](const auto&) {
    o->rates = rates_of(*rates);
    return run_ils_synthetic(*o);
  };
}

struct Study {
  const char *name, *summary, *example;
  Run (*declare)(CLI::App& command);
};

constexpr Study studies[] = {
    {"ils-synthetic", "Every method of the instance-based label smoothing study on its Gaussian mixture.",
     "mellow study ils-synthetic --replicates 100 --out ils-synthetic", ils_synthetic_study},
    {"soft-labels", "Six models by hard labels, LS, CP, RSLS and RSLS on raw series, on small UCR sets.",
     "mellow study soft-labels --data ucr --out soft-labels", soft_labels_study},
    {"rsls-readings", "InceptionTime of one and two modules by every reading of the RSLS formula.",
     "mellow study rsls-readings --data ucr --out rsls-readings", rsls_readings_study}};

}  // namespace

Run study_command(CLI::App& command) {
  std::vector<std::pair<CLI::App*, Run>> runs;
  for (const Study& study : studies) {
    CLI::App* sub = command.add_subcommand(study.name, study.summary);
    sub->footer(std::string("Example: ") + study.example);
    runs.emplace_back(sub, study.declare(*sub));
  }
  return [runs](const std::vector<std::string>& arguments) { return run_given(runs, arguments); };
}

}  // namespace mellow::tools
