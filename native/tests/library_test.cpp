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
