// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "mellow/engine/core/context.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/core/tensor.h"

using namespace mellow;

TEST_CASE("the report names every device, the CPU first, and says why one cannot be used") {
  const auto reports = describe_devices();
  REQUIRE(reports.size() >= 2);
  CHECK(reports[0].device == Device::cpu);
  CHECK(reports[0].usable);
  for (const DeviceReport& report : reports) CHECK(!report.description.empty());
  for (size_t i = 1; i < reports.size(); ++i) CHECK(reports[i].device == Device::cuda);
  CHECK(is_usable(Device::cpu));
}

TEST_CASE("asking for a GPU gives one, or an error that says what is missing") {
  if (is_usable(Device::cuda)) {
    Context context({.device = Device::cuda});
    CHECK(Tensor::from(context, {2}, std::vector<float>{1, 2}).to_vector<float>() ==
          std::vector<float>{1, 2});
    CHECK_THROWS_WITH_AS(Context({.device = Device::cuda, .gpu = 4096}), doctest::Contains("GPU 4096"),
                         Error);
    return;
  }
  try {
    Context context({.device = Device::cuda});
    FAIL("a context without a GPU");
  } catch (const Error& e) {
    CAPTURE(e.what());
    CHECK((e.kind() == ErrorKind::device || e.kind() == ErrorKind::unsupported));
    const std::string message = e.what();
    CHECK((message.find("CUDA") != std::string::npos || message.find("GPU") != std::string::npos));
  }
}

TEST_CASE("precisions that a device does not have are refused") {
  CHECK_THROWS_AS(Context({.device = Device::cpu, .precision = Precision::tf32}), Error);
  CHECK_THROWS_AS(Context({.device = Device::cuda, .precision = Precision::bf16x3}), Error);
}
