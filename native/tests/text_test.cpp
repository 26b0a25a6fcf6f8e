/* Links as text against what the layout says, and numbers against their way back. */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "test.h"

using test::Random;

namespace {

const char kNames[] = "E_1_02_37_1";
const int64_t kNameStart[] = {0, 5, 5, 11};

std::string links(const std::vector<int32_t> &source, const std::vector<int32_t> &target,
                  const std::vector<float> &weight) {
  std::vector<char> text(weight.size() * 76);
  int64_t length = -1;
  CHECK_OK(hw_link_text(kNames, kNameStart, 3, static_cast<int64_t>(weight.size()), source.data(), target.data(),
                        weight.data(), text.data(), static_cast<int64_t>(text.size()), &length));
  return {text.data(), static_cast<size_t>(length)};
}

std::string number(float x) {
  const std::string text = links({0}, {2}, {x}), before = R"(,{"source":"E_1_0","target":"2_37_1","weight":)";
  CHECK(text.substr(0, before.size()) == before && text.back() == '}', text);
  return text.substr(before.size(), text.size() - before.size() - 1);
}

}  // namespace

TEST(links_follow_each_other) {
  CHECK(links({}, {}, {}).empty());
  CHECK(links({0, 1}, {2, 2}, {1, -0.5f}) == R"(,{"source":"E_1_0","target":"2_37_1","weight":1.0})"
                                             R"(,{"source":"","target":"2_37_1","weight":-0.5})");
}

TEST(weights_are_written_as_java_does) {
  const std::pair<float, const char *> expected[] = {{0, "0.0"},
                                                     {-0.0f, "-0.0"},
                                                     {1, "1.0"},
                                                     {10, "10.0"},
                                                     {12.5f, "12.5"},
                                                     {123456, "123456.0"},
                                                     {9999999, "9999999.0"},
                                                     {1e7f, "1.0E7"},
                                                     {1.5e10f, "1.5E10"},
                                                     {0.001f, "0.001"},
                                                     {0.0025f, "0.0025"},
                                                     {9.99e-4f, "9.99E-4"},
                                                     {1e-5f, "1.0E-5"},
                                                     {0.1f, "0.1"},
                                                     {0.43596285581588745f, "0.43596286"},
                                                     {3.4028235e38f, "3.4028235E38"},
                                                     {-1.17549435e-38f, "-1.1754944E-38"}};
  for (const auto &[x, text] : expected) CHECK(number(x) == text, number(x), " expected ", text);
}

TEST(weights_come_back_from_the_fewest_digits) {
  Random random(3);
  for (int i = 0; i < 20000; i++) {
    const auto bits = static_cast<uint32_t>(random.below(int64_t{1} << 32));
    float x;
    std::memcpy(&x, &bits, sizeof x);
    if (!std::isfinite(x)) continue;
    const std::string text = number(x);
    const float back = std::strtof(text.c_str(), nullptr);
    CHECK(std::memcmp(&x, &back, sizeof x) == 0, x, " came back as ", back);
    int needed = 1;
    char printed[32];
    for (;; needed++) {
      std::snprintf(printed, sizeof printed, "%.*e", needed - 1, double{x});
      if (std::strtof(printed, nullptr) == x) break;
    }
    std::string digits;
    for (char c : text.substr(0, text.find('E'))) {
      if (c >= '0' && c <= '9' && (c != '0' || !digits.empty())) digits += c;
    }
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    CHECK(digits.size() <= static_cast<size_t>(needed), text, " where ", printed, " would do");
  }
}

TEST(threads_write_the_same_links) {
  Random random(4);
  std::vector<int32_t> source, target;
  std::vector<float> weight;
  for (int i = 0; i < 10001; i++) {
    source.push_back(static_cast<int32_t>(random.below(3)));
    target.push_back(static_cast<int32_t>(random.below(3)));
    weight.push_back(random.gauss());
  }
  std::string one;
  for (int32_t threads : {1, 2, 5}) {
    CHECK_OK(hw_set_threads(threads));
    const std::string text = links(source, target, weight);
    if (threads == 1) one = text;
    CHECK(text == one, "other text with ", threads, " threads");
  }
  CHECK_OK(hw_set_threads(2));
}

TEST(link_text_refuses_bad_arguments) {
  const int32_t source[] = {0}, target[] = {2}, outside[] = {3};
  const float weight[] = {1}, infinite[] = {INFINITY};
  const int64_t descending[] = {0, 5, 4, 11};
  char text[76];
  int64_t length;
  CHECK_INVALID(hw_link_text(kNames, kNameStart, 3, 1, source, target, weight, text, 75, &length), "capacity is 75");
  CHECK_INVALID(hw_link_text(kNames, kNameStart, 3, 1, source, outside, weight, text, 76, &length), "target[0] is 3");
  CHECK_INVALID(hw_link_text(kNames, kNameStart, 3, 1, source, target, infinite, text, 76, &length), "weight[0]");
  CHECK_INVALID(hw_link_text(kNames, descending, 3, 1, source, target, weight, text, 76, &length),
                "name_start[2] is 4");
  CHECK_INVALID(hw_link_text(nullptr, kNameStart, 3, 1, source, target, weight, text, 76, &length), "names is NULL");
}
