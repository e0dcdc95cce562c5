// SPDX-License-Identifier: MIT
#include <charconv>
#include <cmath>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/options.h"
#include "mellow/tools/study/ils_synthetic.h"

namespace mellow::tools {
namespace {

// "3e-3,1e-2"
std::vector<double> rates_of(const std::string& list) {
  std::vector<double> rates;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    double rate = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), rate);
    if (failed != std::errc() || end != word.data() + word.size() || !(rate > 0) || !std::isfinite(rate))
      throw Error(fmt::format("--lr takes positive numbers with commas between, got \"{}\"", list));
    rates.push_back(rate);
  }
  if (rates.empty()) throw Error("--lr is empty: give one learning rate or more, such as 3e-3,1e-2");
  return rates;
}

}  // namespace

Run study_command(CLI::App& command) {
  const auto o = std::make_shared<IlsSyntheticOptions>();
  const auto rates = std::make_shared<std::string>("3e-3,1e-2");
  CLI::App* ils = command.add_subcommand(
      "ils-synthetic", "Every method of the instance-based label smoothing study on its Gaussian mixture.");
  ils->footer("Example: mellow study ils-synthetic --replicates 100 --out ils-synthetic");
  add_count(*ils, "--replicates", o->replicates, 1, "data sets drawn and studied");
  ils->add_option("--lr", *rates, "learning rates, each a study of its own")->type_name("LIST");
  ils->add_option("--seed", o->seed, "same seed, same numbers, for any number of threads")->type_name("N");
  add_count(*ils, "--threads", o->threads, 0, "0: one per core");
  ils->add_option("--out", o->out, "folder of tables and finished replicates; goes on where it was stopped")
      ->type_name("DIR");
  ils->add_flag("--quiet", o->quiet, "no progress on stderr");
  return [o, rates](const auto&) {
    o->rates = rates_of(*rates);
    return run_ils_synthetic(*o);
  };
}

}  // namespace mellow::tools
