// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/data/dataset.h"
#include "mellow/data/generate.h"
#include "mellow/data/writers.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/options.h"

namespace mellow::tools {

namespace fs = std::filesystem;

namespace {

struct DataCommand {
  DataOptions data;
  std::string in, out, folder, what;
  std::vector<std::string> files;
  uint64_t seed = 0;
};

constexpr int64_t mixture_per_class = 1500;  // of each split

void print_set(const char* part, const SeriesSet& set) {
  fmt::print("{:<6}{:>7} series, {} steps, {} channel{}, {} classes{}{}\n", part, set.series, set.length,
             set.channels, set.channels == 1 ? "" : "s", set.class_names.size(),
             set.unequal ? ", unequal lengths" : "",
             set.missing > 0 ? fmt::format(", {} missing values", set.missing) : "");
  std::vector<int64_t> counts(set.class_names.size());
  for (const int32_t label : set.labels) ++counts[static_cast<size_t>(label)];
  for (size_t k = 0; k < counts.size(); ++k)
    fmt::print("{:<6}{:>7} of class {}\n", "", counts[k], set.class_names[k]);
}

int list(const DataCommand& o) {
  if (o.data.folder.empty()) throw Error("data list needs --data DIR, or $MELLOW_DATA");
  for (const DatasetFiles& files : list_datasets(o.data.folder))
    fmt::print("{:<36}{}\n", files.name, files.train);
  return 0;
}

int info(const DataCommand& o) {
  if (o.data.folder.empty() || o.data.dataset.empty())
    throw Error("data info needs --data DIR --dataset NAME");
  const SplitPair pair = read_dataset(o.data.folder, o.data.dataset, AdjustedCopies::preferred);
  fmt::print("{}{}\n", o.data.dataset, pair.adjusted ? " (the archive's adjusted copy)" : "");
  print_set("train", pair.train);
  print_set("test", pair.test);
  return 0;
}

// Reads every file; says what is wrong with each that is not right.
int check(const DataCommand& o) {
  int wrong = 0;
  for (const std::string& file : o.files) {
    try {
      const SeriesSet set = read_series(file);
      fmt::print("ok    {}: {} series of {} steps\n", file, set.series, set.length);
    } catch (const Error& error) {
      fmt::print("wrong {}\n", error.what());
      ++wrong;
    }
  }
  if (wrong > 0)
    throw Error(fmt::format("{} of {} files are wrong", wrong, o.files.size()), ErrorKind::input);
  return 0;
}

int convert(const DataCommand& o) {
  write_file_atomically(o.out, write_series(read_series(o.in), format_of(o.out)));
  return 0;
}

SplitPair generated(const DataCommand& o) {
  if (o.what != "ils") return generate(o.what, o.seed);
  return {generate_mixture(o.seed, 0, mixture_per_class).set,
          generate_mixture(o.seed, 2, mixture_per_class).set, false};
}

int generate_files(const DataCommand& o) {
  const SplitPair pair = generated(o);
  std::string name = pair.train.name.empty() ? o.what : pair.train.name;
  const fs::path folder = fs::path(o.folder) / name;
  make_folder(folder.string());
  for (const auto& [set, part] : {std::pair(&pair.train, "_TRAIN.tsv"), std::pair(&pair.test, "_TEST.tsv")}) {
    const std::string path = (folder / (name + part)).string();
    write_file_atomically(path, write_series(*set, Format::tsv));
    fmt::print("{}\n", path);
  }
  return 0;
}

}  // namespace

Run data_command(CLI::App& command) {
  const auto o = std::make_shared<DataCommand>();
  if (const char* folder = std::getenv("MELLOW_DATA")) o->data.folder = folder;
  std::vector<std::pair<CLI::App*, Run>> runs;
  const auto add = [&](const char* name, const char* summary, int (*run)(const DataCommand&),
                       const char* example) -> CLI::App& {
    CLI::App* sub = command.add_subcommand(name, summary);
    sub->footer(std::string("Example: mellow data ") + example);
    runs.emplace_back(sub, [o, run](const auto&) { return run(*o); });
    return *sub;
  };
  CLI::App& listing = add("list", "The datasets of a folder.", list, "list --data UCR");
  CLI::App& describing =
      add("info", "Sizes and classes of a dataset.", info, "info --data UCR --dataset GunPoint");
  CLI::App& checking = add("check", "Read files strictly; say what is wrong.", check,
                           "check GunPoint_TRAIN.tsv GunPoint_TEST.tsv");
  CLI::App& converting = add("convert", "Write a file in another format.", convert,
                             "convert GunPoint_TRAIN.tsv GunPoint_TRAIN.ts");
  CLI::App& generating =
      add("generate", "Simulated datasets.", generate_files, "generate cbf --seed 1 --out data");
  for (CLI::App* sub : {&listing, &describing})
    sub->add_option("--data", o->data.folder, "folder of datasets; also $MELLOW_DATA")->type_name("DIR");
  describing.add_option("--dataset", o->data.dataset, "its name")->type_name("NAME");
  checking.add_option("files", o->files, "files of series")->type_name("FILE")->default_str("")->required();
  converting.add_option("in", o->in, ".tsv .txt .csv .ts .arff")->type_name("FILE")->required();
  converting.add_option("out", o->out, ".tsv .txt .csv .ts")->type_name("FILE")->required();
  add_choice(generating, "what", o->what, {"cbf", "two-patterns", "synthetic-control", "ils"}, "which one")
      ->required();
  add_seed(generating, o->seed, "same seed, same bytes");
  generating.add_option("--out", o->folder, "folder; NAME/NAME_TRAIN.tsv is made in it")
      ->type_name("DIR")
      ->required();
  return [runs](const std::vector<std::string>& arguments) { return run_given(runs, arguments); };
}

}  // namespace mellow::tools
