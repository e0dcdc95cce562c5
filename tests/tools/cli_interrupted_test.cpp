// SPDX-License-Identifier: MIT
// Trainings that end before their time: signals, kill -9, a full disk, a damaged checkpoint.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "mellow/tests/support/place.h"

using namespace mellow;
using namespace mellow::test;
namespace fs = std::filesystem;

namespace {

int temporary_files(const std::string& folder) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    count += contains(entry.path().filename().string(), ".tmp.");
  return count;
}

}  // namespace

TEST_CASE("SIGTERM saves; --resume ends as if nothing had happened") {
  const Place place;
  const Words options = {"--epochs", "4000", "--schedule", "plateau"};
  REQUIRE(place.train("whole", options).code == 0);
  {
    Program program(place / "", place.training("parts", options));
    REQUIRE(is_under_way(place / "parts"));
    program.signal(SIGTERM);
    CHECK(program.wait() == 143);
    CHECK(contains(program.err(), "--resume"));
  }
  CHECK(record_of(place / "parts")["status"] == "interrupted");
  const Result refused = place.train("parts", options);
  CHECK(refused.code == 2);
  CHECK(contains(refused.err, "--resume"));
  Words resumed = options;
  resumed.push_back("--resume");
  const Result result = place.train("parts", resumed);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "resumed after epoch"));
  check_same_results(place / "whole", place / "parts");
}

TEST_CASE("Ctrl-C exits with 130; a resumed run keeps its encoder") {
  const Place place;
  const Words options = {"--epochs", "100000",    "--method", "rsls", "--pretrain-iterations",
                         "2",        "--no-cache"};
  Program program(place / "", place.training("run", options));
  REQUIRE(is_under_way(place / "run"));
  program.signal(SIGINT);
  CHECK(program.wait() == 130);
  Words resumed = options;
  resumed.push_back("--resume");
  Program again(place / "", place.training("run", resumed));
  REQUIRE(comes_true([&] { return contains(again.err(), "resumed after epoch"); }));
  again.signal(SIGINT);
  CHECK(again.wait() == 130);
  CHECK(!contains(again.err(), "pretraining"));
}

TEST_CASE("pretraining that was stopped goes on with the same command, to the same bytes") {
  const Place place;
  const auto command = [&](const std::string& out, const std::string& iterations) {
    return Words{"pretrain",  "--data", place / "", "--dataset", "Tiny",
                 "--threads", "1",      "--device", "cpu",       "--pretrain-iterations",
                 iterations,  "--out",  place / out};
  };
  REQUIRE(place.run(command("whole", "100")).code == 0);
  CHECK(!fs::exists(place / "whole.partial"));
  const auto stop = [&](const std::string& out) {
    Program program(place / "", command(out, "100"));
    REQUIRE(comes_true([&] { return contains(program.err(), "iterations"); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    program.signal(SIGTERM);
    CHECK(program.wait() == 143);
    CHECK(contains(program.err(), "interrupted while pretraining: the same command goes on"));
    CHECK(!fs::exists(place / out));
    REQUIRE(fs::exists(place / (out + ".partial")));
  };
  stop("parts");
  const std::string partial = slurp(place / "parts.partial");
  stop("parts");
  const Result done = place.run(command("parts", "100"));
  REQUIRE(done.code == 0);
  CHECK(contains(done.err, "pretraining goes on after iteration"));
  CHECK(slurp(place / "parts") == slurp(place / "whole"));
  CHECK(!fs::exists(place / "parts.partial"));

  // What another training left is passed over; so is what is damaged, and that is told.
  spill(place / "parts.partial", partial);
  const Result other = place.run(command("parts", "2"));
  CHECK(other.code == 0);
  CHECK(!contains(other.err, "goes on"));
  CHECK(slurp(place / "parts") != slurp(place / "whole"));
  spill(place / "parts.partial", damaged(partial));
  const Result anew = place.run(command("parts", "100"));
  CHECK(anew.code == 0);
  CHECK(contains(anew.err, "pretraining starts anew: "));
  CHECK(slurp(place / "parts") == slurp(place / "whole"));
}

TEST_CASE("a training that was stopped while it pretrained goes on there") {
  const Place place;
  const Words options = {"--epochs", "2", "--method", "rsls", "--pretrain-iterations", "100", "--resume"};
  REQUIRE(place.train("whole", options).code == 0);
  Words elsewhere = options;
  elsewhere.insert(elsewhere.end(), {"--cache", place / "other-cache"});
  {
    Program program(place / "", place.training("parts", elsewhere));
    REQUIRE(comes_true([&] { return contains(program.err(), "pretraining the encoder"); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    program.signal(SIGINT);
    CHECK(program.wait() == 130);
  }
  const Result result = place.train("parts", elsewhere);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "pretraining goes on after iteration"));
  check_same_results(place / "whole", place / "parts");
  for (const auto& entry : fs::directory_iterator(place / "other-cache"))
    CHECK(entry.path().extension() != ".partial");
}

TEST_CASE("fifty times kill -9 at random moments: always readable, the same bytes in the end") {
  const Place place;
  const Words options = {"--epochs", "150", "--checkpoint-every", "1", "--resume", "--quiet"};
  REQUIRE(place.train("whole", options).code == 0);
  const std::string run = place / "parts";
  std::mt19937 random(7);
  int finished = 0;
  for (int kills = 0; kills < 50;) {
    Program program(place / "", place.training("parts", options));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
    program.signal(SIGKILL);
    const int code = program.wait();
    REQUIRE((code == 0 || code == -SIGKILL));
    if (fs::exists(run + "/run.json")) CHECK_NOTHROW(record_of(run));
    kills += code == -SIGKILL;
    if (code != 0) continue;
    check_same_results(place / "whole", run);
    fs::remove_all(run);
    ++finished;
  }
  CAPTURE(finished);
  REQUIRE(place.train("parts", options).code == 0);
  check_same_results(place / "whole", run);
  CHECK(temporary_files(run) == 0);
}

TEST_CASE("a damaged checkpoint is refused") {
  const Place place;
  {
    Program program(place / "", place.training("run", {"--epochs", "100000", "--checkpoint-every", "1"}));
    REQUIRE(appears(place / "run/checkpoint.safetensors"));
    program.signal(SIGKILL);
    program.wait();
  }
  const std::string bytes = slurp(place / "run/checkpoint.safetensors");
  REQUIRE(bytes.size() > 100);
  spill(place / "run/checkpoint.safetensors", damaged(bytes));
  const Result result = place.train("run", {"--epochs", "100000", "--resume"});
  CHECK(result.code == 2);
  CHECK(contains(result.err, "checkpoint.safetensors"));
}

TEST_CASE("a full disk ends the run with exit code 1 and no half-written file") {
  const Place place;
  REQUIRE(place.train("run", {"--epochs", "2"}).code == 0);
  Program predict(place / "",
                  {"predict", place / "run", "--device", "cpu", "--in", place / "Tiny/Tiny_TEST.tsv", "--out",
                   place / "p.csv"},
                  "", 64);
  CHECK(predict.wait() == 1);
  CHECK(!fs::exists(place / "p.csv"));
  Program train(place / "", place.training("full", {"--epochs", "2"}), "", 4096);
  CHECK(train.wait() == 1);
  CHECK(contains(train.err(), "checkpoint.safetensors"));  // the first file beyond the limit
  CHECK(!fs::exists(place / "full/checkpoint.safetensors"));
  CHECK(!fs::exists(place / "full/model.safetensors"));
  CHECK(temporary_files(place / "full") == 0);
  CHECK(record_of(place / "full")["status"] == "failed");
  CHECK(place.train("full", {"--epochs", "2", "--resume"}).code == 0);
  check_same_results(place / "run", place / "full");
}
