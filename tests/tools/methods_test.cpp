// SPDX-License-Identifier: MIT
// mellow train and labels with every method; teachers, given and own.
#include <cmath>
#include <sstream>

#include "mellow/engine/io/csv.h"
#include "mellow/engine/io/safetensors.h"
#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

namespace {

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The names that --list-methods puts at the start of a line.
Words listed_methods(const Place& place) {
  std::istringstream lines(place.run({"train", "--list-methods"}).out);
  Words names;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] != ' ') names.push_back(line.substr(0, line.find(' ')));
  return names;
}

// A dataset of its own beside Tiny: classes 1 … `classes`, written to Name_TRAIN.tsv and Name_TEST.tsv.
void write_set(const Place& place, const std::string& name, int series, int classes, int length) {
  fs::create_directories(place / name);
  for (const char* part : {"TRAIN", "TEST"}) {
    std::ostringstream out;
    for (int i = 0; i < series; ++i) {
      out << i % classes + 1;
      for (int t = 0; t < length; ++t) out << '\t' << std::sin((i % classes + 1) * t / 3.0 + i);
      out << '\n';
    }
    spill(place / (name + "/" + name + "_" + part + ".tsv"), out.str());
  }
}

// Two channels in the .ts format.
void write_two_channels(const Place& place) {
  fs::create_directories(place / "Pair");
  for (const char* part : {"TRAIN", "TEST"}) {
    std::ostringstream out;
    out << "@problemName Pair\n@timeStamps false\n@missing false\n@univariate false\n@dimensions 2\n"
           "@equalLength true\n@seriesLength 16\n@classLabel true 1 2 3\n@data\n";
    for (int i = 0; i < 6; ++i) {
      for (int channel = 0; channel < 2; ++channel)
        for (int t = 0; t < 16; ++t) out << i * channel + t % (i + 2) << (t < 15 ? "," : ":");
      out << i % 3 + 1 << '\n';
    }
    spill(place / (std::string("Pair/Pair_") + part + ".ts"), out.str());
  }
}

// The soft labels or probabilities of a CSV, without its first columns.
std::vector<std::vector<double>> rows_of(const std::string& text, const std::string& first) {
  const CsvTable table = parse_csv(text, "table");
  std::vector<std::vector<double>> rows;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    rows.emplace_back();
    for (size_t c = table.column(first); c < table.names.size(); ++c)
      rows.back().push_back(table.number(i, c));
  }
  return rows;
}

}  // namespace

TEST_CASE("every listed method trains") {
  const Place place;
  const Words methods = listed_methods(place);
  CHECK(methods.size() >= 21);
  REQUIRE(place.train("given", {"--epochs", "2"}).code == 0);
  for (const std::string& method : methods) {
    CAPTURE(method);
    Words options = {"--epochs", "3", "--method", method, "--val", "holdout:0.25"};
    if (method == "kd") options = options + Words{"--teacher", place / "given"};
    if (method == "rsls") options = options + Words{"--pretrain-iterations", "2"};
    const Result result = place.train(method, options);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    const auto record = record_of(place / method);
    CHECK(record["status"] == "finished");
    CHECK(record["results"]["last"]["epoch"] == 3);
    const CsvTable metrics = parse_csv(slurp(place / (method + "/metrics.csv")), "metrics");
    for (size_t i = 0; i < metrics.rows.size(); ++i)
      CHECK(std::isfinite(metrics.number(i, metrics.column("train_loss"))));
    // A table of soft labels is kept where there is one: per series, and not moving.
    const bool table = method == "kd" || method == "tfkd-self" || method == "self-distillation" ||
                       method == "rsls" || method.starts_with("ils");
    CHECK(fs::exists(place / (method + "/soft_labels.csv")) == table);
    const bool own_teacher = table && method != "kd" && method != "rsls";
    CHECK(fs::exists(place / (method + "/teacher/model.safetensors")) == own_teacher);
  }
}

TEST_CASE("kd takes a teacher of another architecture: its softened predictions") {
  const Place place;
  const Words base = {"--data", place / "", "--dataset", "Tiny", "--threads", "1", "--device", "cpu"};
  REQUIRE(place.run(Words{"train", "--model", "resnet", "--epochs", "3", "--out", place / "teacher"} + base)
              .code == 0);
  const Words options = {"--method", "kd", "--tau", "3", "--epochs", "4", "--teacher", place / "teacher"};
  const Result result = place.train("run", options);
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(record_of(place / "run")["options"]["teacher"].get<std::string>().size() == 32);
  const Result said = place.run({"predict", place / "teacher", "--device", "cpu", "--threads", "1", "--in",
                                 place / "Tiny/Tiny_TRAIN.tsv"});
  const auto p = rows_of(said.out, "p_1"), q = rows_of(slurp(place / "run/soft_labels.csv"), "q_1");
  REQUIRE(p.size() == 12);
  REQUIRE(q.size() == 12);
  for (size_t i = 0; i < q.size(); ++i) {
    double sum = 0;
    for (const double v : p[i]) sum += std::pow(v, 1 / 3.0);  // softmax(z / 3) ∝ softmax(z)^(1/3)
    for (size_t c = 0; c < 3; ++c)
      CHECK(q[i][c] == doctest::Approx(std::pow(p[i][c], 1 / 3.0) / sum).epsilon(1e-4));
  }
  // The file itself does as well; what counts is its contents.
  const Result by_file = place.train("file", {"--method", "kd", "--tau", "3", "--epochs", "4", "--teacher",
                                              place / "teacher/model.safetensors"});
  REQUIRE(by_file.code == 0);
  check_same_results(place / "run", place / "file");
  CHECK(place
            .train("run", Words{"--method", "kd", "--tau", "3", "--epochs", "4", "--teacher",
                                place / "teacher/model.safetensors", "--resume"})
            .code == 0);
  // Another teacher is another run.
  REQUIRE(place.train("second", {"--epochs", "2"}).code == 0);
  const Result other = place.train(
      "run", {"--method", "kd", "--tau", "3", "--epochs", "4", "--teacher", place / "second", "--resume"});
  CHECK(other.code == 2);
  CHECK(contains(other.err, "options.teacher was"));
}

TEST_CASE("teachers and options that do not fit are refused before a folder is made") {
  const Place place;
  write_set(place, "Two", 8, 2, 16);
  write_set(place, "Long", 9, 3, 20);
  write_two_channels(place);
  for (const char* set : {"Tiny", "Two", "Long", "Pair"})
    REQUIRE(
        place
            .run({"train", "--data", place / "", "--dataset", set, "--model", "inception-time-1", "--threads",
                  "1", "--device", "cpu", "--epochs", "1", "--out", place / (std::string("on") + set)})
            .code == 0);
  const std::string bytes = slurp(place / "onTiny/model.safetensors");
  spill(place / "short.safetensors", bytes.substr(0, bytes.size() / 2));
  spill(place / "flipped.safetensors", damaged(bytes));
  const std::string good = place / "onTiny";
  struct Wrong {
    Words options;
    const char* hint;
  };
  const Wrong all[] = {
      {{"--method", "kd"}, "needs a trained network: --teacher RUN"},
      {{"--method", "kd", "--teacher", place / "nowhere"}, "nowhere"},
      {{"--method", "kd", "--teacher", place / "short.safetensors"}, "short.safetensors"},
      {{"--method", "kd", "--teacher", place / "flipped.safetensors"}, "flipped.safetensors"},
      {{"--method", "kd", "--teacher", place / "Tiny/Tiny_TRAIN.tsv"}, "Tiny_TRAIN.tsv"},
      {{"--method", "kd", "--teacher", place / "onTwo"},
       "knows the classes 1, 2, the training data has 1, 2, 3"},
      {{"--method", "kd", "--teacher", place / "onLong"},
       "20 steps and 1 channels, the training data has 16 and 1"},
      {{"--method", "kd", "--teacher", place / "onPair"},
       "16 steps and 2 channels, the training data has 16 and 1"},
      {{"--method", "ils2", "--teacher", place / "onTwo"}, "knows the classes"},
      {{"--method", "ls", "--teacher", good}, "method ls has no teacher; methods that take --teacher: "},
      {{"--method", "ps-kd", "--teacher", good}, "no teacher"},
      {{"--method", "ils1"}, "hold some out with --val holdout:0.2"},
      {{"--method", "ils", "--teacher", good}, "hold some out with --val holdout:0.2"},
      {{"--method", "kd", "--teacher", good, "--alpha", "1.5"}, "[0, 1], got 1.5"},
      {{"--method", "tfkd-self", "--alpha", "-1"}, "[0, 1], got -1"},
      {{"--method", "kd", "--teacher", good, "--tau", "0"}, "(0, 1000], got 0"},
      {{"--method", "self-distillation", "--tau", "2"}, "no option --tau"},
      {{"--method", "beta", "--epsilon", "0.6"}, "must stay below --weight (0.6)"},
      {{"--method", "label-relaxation", "--alpha", "1"}, "(0, 1), got 1"},
  };
  for (const Wrong& wrong : all) {
    const Result result = place.train("wrong", wrong.options);
    CAPTURE(wrong.hint);
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(contains(result.err, wrong.hint));
    CHECK(!fs::exists(place / "wrong"));
  }
}

TEST_CASE("a validation split that a class is too small for says what to do") {
  Place place;
  place.write("TRAIN", 4, 0);  // two series of class 1, one of 2 and of 3
  for (const char* method : {"ils1", "ils", "hard"}) {
    const Result result = place.train("run", {"--method", method, "--val", "holdout:0.2"});
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(contains(result.err, "class 2 has 1 series, a validation split needs 2 of every class"));
    CHECK(!fs::exists(place / "run"));
  }
  // Two of every class are enough, and methods that need no split train on one series per class.
  place.write("TRAIN", 6, 0);
  CHECK(place.train("ils", {"--method", "ils", "--val", "holdout:0.2", "--epochs", "2"}).code == 0);
  place.write("TRAIN", 3, 0);
  for (const char* method :
       {"ils2", "tfkd-self", "self-distillation", "ps-kd", "ols", "beta", "disturb-label"})
    CHECK(place.train(method, {"--method", method, "--epochs", "2"}).code == 0);
}

TEST_CASE("an own teacher is the student's model with hard labels and a seed of its own") {
  const Place place;
  REQUIRE(place.train("run", {"--method", "self-distillation", "--epochs", "6", "--seed", "5"}).code == 0);
  const auto options = record_of(place / "run/teacher")["options"];
  CHECK(options["method"] == "hard");
  CHECK(options["model"] == "inception-time-1");
  CHECK(options["epochs"] == 6);
  CHECK(options["seed"] == 1'000'005);
  CHECK(record_of(place / "run")["options"]["teacher"] == "");
  // It is what training it by itself gives, and giving that one changes nothing.
  REQUIRE(place.train("alone", {"--epochs", "6", "--seed", "1000005"}).code == 0);
  check_same_results(place / "alone", place / "run/teacher");
  REQUIRE(place
              .train("given", {"--method", "self-distillation", "--epochs", "6", "--seed", "5", "--teacher",
                               place / "alone"})
              .code == 0);
  check_same_results(place / "run", place / "given");
  CHECK(slurp(place / "run/soft_labels.csv") == slurp(place / "given/soft_labels.csv"));
  CHECK(!fs::exists(place / "given/teacher"));
}

TEST_CASE("an own teacher is found again on --resume, and trained again on --overwrite") {
  const Place place;
  const Words options = {"--method", "ils2", "--epochs", "2500", "--schedule", "plateau"};
  REQUIRE(place.train("whole", options).code == 0);
  {
    Program program(place / "", place.training("parts", options));
    REQUIRE(is_under_way(place / "parts"));  // the student is under way
    program.signal(SIGTERM);
    CHECK(program.wait() == 143);
  }
  CHECK(record_of(place / "parts")["status"] == "interrupted");
  const std::string teacher = slurp(place / "parts/teacher/run.json");
  CHECK(nlohmann::json::parse(teacher)["status"] == "finished");
  const Result resumed = place.train("parts", options + Words{"--resume"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(contains(resumed.err, "parts/teacher is finished already"));
  CHECK(slurp(place / "parts/teacher/run.json") == teacher);
  check_same_results(place / "whole", place / "parts");

  REQUIRE(place.train("parts", {"--method", "ils2", "--epochs", "3", "--overwrite"}).code == 0);
  CHECK(record_of(place / "parts/teacher")["options"]["epochs"] == 3);
}

TEST_CASE("a run killed in its teacher's training goes on there") {
  const Place place;
  const Words options = {"--method", "tfkd-self", "--epochs", "2500", "--checkpoint-every", "25"};
  REQUIRE(place.train("whole", options).code == 0);
  for (const int signal : {SIGKILL, SIGINT}) {
    fs::remove_all(place / "parts");
    {
      Program program(place / "", place.training("parts", options));
      REQUIRE(appears(place / "parts/teacher/checkpoint.safetensors"));
      REQUIRE(is_under_way(place / "parts/teacher"));
      program.signal(signal);
      CHECK(program.wait() == (signal == SIGKILL ? -SIGKILL : 130));
    }
    CHECK(!fs::exists(place / "parts/metrics.csv"));
    CHECK(record_of(place / "parts/teacher")["status"] == (signal == SIGKILL ? "running" : "interrupted"));
    const Result resumed = place.train("parts", options + Words{"--resume"});
    CAPTURE(resumed.err);
    REQUIRE(resumed.code == 0);
    CHECK(contains(resumed.err, "resumed after epoch"));
    check_same_results(place / "whole/teacher", place / "parts/teacher");
    check_same_results(place / "whole", place / "parts");
  }
}

TEST_CASE("methods whose labels move: same seed, same bytes, also when stopped on the way") {
  const Place place;
  for (const char* method : {"ols", "ps-kd", "disturb-label", "beta"}) {
    CAPTURE(method);
    const std::string whole = std::string(method) + "-whole", parts = std::string(method) + "-parts";
    const Words options = {"--method", method, "--epochs", "1500", "--schedule", "plateau"};
    REQUIRE(place.train(whole, options).code == 0);
    {
      Program program(place / "", place.training(parts, options));
      REQUIRE(is_under_way(place / parts));
      program.signal(SIGTERM);
      CHECK(program.wait() == 143);
    }
    const Result resumed = place.train(parts, options + Words{"--resume"});
    REQUIRE(resumed.code == 0);
    CHECK(contains(resumed.err, "resumed after epoch"));
    check_same_results(place / whole, place / parts);
    REQUIRE(place.train(parts, options + Words{"--overwrite", "--seed", "1"}).code == 0);
    CHECK(slurp(place / (parts + "/model.safetensors")) != slurp(place / (whole + "/model.safetensors")));
  }
}

TEST_CASE("mellow labels with a teacher gives the table of the run") {
  const Place place;
  REQUIRE(place.train("run", {"--method", "ils", "--epochs", "5", "--val", "holdout:0.25"}).code == 0);
  const Words base = {"labels",   "--data", place / "",  "--dataset", "Tiny",
                      "--device", "cpu",    "--threads", "1"};
  const auto labels = [&](const Words& more) { return place.run(base + more); };
  const Result made = labels({"--method", "ils", "--val", "holdout:0.25", "--teacher", place / "run/teacher",
                              "--out", place / "labels.csv"});
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  CHECK(slurp(place / "labels.csv") == slurp(place / "run/soft_labels.csv"));
  CHECK(record_of(place / "run")["method"]["teacher_temperature"] >= 0.8 * (1 - 1e-9));
  const auto refused = [&](const Words& more, const char* hint) {
    const Result result = labels(more + Words{"--out", place / "none.csv"});
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(contains(result.err, hint));
    CHECK(!fs::exists(place / "none.csv"));
  };
  refused({"--method", "ils", "--val", "holdout:0.25"},
          "trains no teacher: method ils needs --teacher RUN here");
  refused({"--method", "ils", "--teacher", place / "run"}, "--val holdout:0.2");
  for (const char* method : {"ols", "ps-kd", "disturb-label", "beta"})
    refused({"--method", method}, "move while a network trains");
  for (const char* method : {"ls", "label-relaxation"})
    refused({"--method", method}, "depend on the class alone");
  refused({"--method", "kd", "--teacher", place / "nowhere"}, "nowhere");
}
