/* Version, instruction set, errors, threads, devices. */
#include <cstdlib>
#include <thread>

#include "test.h"

TEST(library_reports_version_and_instruction_set) {
  CHECK(hw_abi_version() > 0);
  const std::string isa = hw_isa();
  CHECK(isa == "baseline" || isa == "avx2" || isa == "avx512", isa);
  const char *wanted = std::getenv("HEADWATER_ISA");
  if (wanted != nullptr && std::strcmp(wanted, "baseline") == 0) CHECK(isa == "baseline", isa);
  if (wanted != nullptr && std::strcmp(wanted, "avx2") == 0) CHECK(isa != "avx512", isa);
}

TEST(errors_belong_to_their_thread) {
  CHECK_INVALID(hw_set_threads(0), "threads is 0");
  std::string other = "unset";
  std::thread([&] { other = hw_last_error(); }).join();
  CHECK(other.empty(), other);
  CHECK(std::strlen(hw_last_error()) > 0);
}

TEST(threads_can_be_set_from_any_thread) {
  std::thread([] { CHECK_OK(hw_set_threads(3)); }).join();
  CHECK(hw_get_threads() == 3, hw_get_threads());
  CHECK_OK(hw_set_threads(2));
}

/* Inputs are shared, outputs are each caller's own, and so is the text of an error. */
TEST(callers_on_several_threads_do_not_meet) {
  test::Random random(9);
  const int64_t P = 9, width = 33, targets = 20, sources = P * 5;
  const test::Ragged ragged(random, targets, P);
  const std::vector<float> gradients = random.gauss(ragged.rows * width), vectors = random.gauss(sources * width);
  std::vector<int64_t> start, base;
  for (int64_t q = 0; q <= P; q++) start.push_back(q * 5);
  for (int64_t t = 0; t < targets; t++) base.push_back(t * sources);
  const hw_matrix g = test::matrix(gradients, ragged.rows, width), source = test::matrix(vectors, sources, width);
  const hw_ragged batch = ragged.view(P);
  const hw_segments segments = test::segments(start, sources);
  const int64_t count = targets * sources;
  const auto contract = [&](std::vector<float> &edges) {
    const hw_runs out = {edges.data(), count, base.data(), targets, count};
    return hw_edge_contract(&test::exec, &g, &batch, &source, &segments, &out, 0);
  };
  std::vector<float> expected(static_cast<size_t>(count));
  CHECK_OK(contract(expected));
  if (test::exec.device >= 0) return; /* a device's callers take turns on its stream; the emulation has one */
  std::vector<std::vector<float>> found(4, std::vector<float>(static_cast<size_t>(count)));
  std::vector<std::string> errors(found.size());
  std::vector<std::thread> callers;
  for (size_t i = 0; i < found.size(); i++) {
    callers.emplace_back([&, i] {
      for (int round = 0; round < 20; round++) {
        if (contract(found[i]) != HW_OK) return;
        hw_set_threads(i % 2 == 0 ? 2 : -static_cast<int32_t>(i));
        errors[i] = hw_last_error();
        if (hw_isa() == nullptr || hw_get_threads() < 1) return;
      }
    });
  }
  for (std::thread &caller : callers) caller.join();
  for (size_t i = 0; i < found.size(); i++) {
    CHECK(found[i] == expected, "caller ", static_cast<int64_t>(i));
    const std::string wanted = i % 2 == 0 ? "" : test::text("hw_set_threads: threads is ", -static_cast<int64_t>(i));
    CHECK(i % 2 == 0 || errors[i].find(wanted) == 0, errors[i]);
  }
  CHECK_OK(hw_set_threads(2));
}

TEST(devices_that_are_not_there_are_refused) {
  const std::vector<float> number(1);
  const std::vector<int64_t> row = {0};
  const hw_matrix g = test::matrix(number, 1, 1);
  const hw_rows rows = test::rows(row, 1);
  const hw_exec below = {-2, nullptr}, beyond = {99, nullptr};
  CHECK_INVALID(hw_add_rows(&below, &g, &rows, &g), "device is -2");
  const int32_t status = hw_add_rows(&beyond, &g, &rows, &g);
  CHECK(status == (hw_has_cuda() ? HW_DEVICE_ERROR : HW_UNSUPPORTED), status, " ", hw_last_error());
}
