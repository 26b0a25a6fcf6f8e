/* Edges as JSON text. */
#include <charconv>
#include <cmath>
#include <cstring>

#include "kernels.h"

namespace hw {
namespace {

constexpr char kSource[] = ",{\"source\":\"", kTarget[] = "\",\"target\":\"", kWeight[] = "\",\"weight\":";
/* What a link takes without its names; no number is longer than -1.17549435E-38. */
constexpr int64_t kLink = sizeof kSource + sizeof kTarget + sizeof kWeight + 16;

template <size_t N>
char *append(char *at, const char (&literal)[N]) {
  std::memcpy(at, literal, N - 1);
  return at + N - 1;
}

char *append(char *at, const char *text, int64_t length) {
  std::memcpy(at, text, static_cast<size_t>(length));
  return at + length;
}

char *zeros(char *at, int64_t count) {
  std::memset(at, '0', static_cast<size_t>(count));
  return at + count;
}

/* The fewest digits that tell the number from its neighbours, laid out as Java does: 0.001, 12.0, 1.5E-4. */
char *append(char *at, float x) {
  if (std::signbit(x)) *at++ = '-';
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, std::fabs(x), std::chars_format::scientific).ptr;
  char *mark = end - 1;
  while (*mark != 'e') mark--;
  int exponent = 0;
  std::from_chars(mark[1] == '+' ? mark + 2 : mark + 1, end, exponent);
  digits[1] = digits[0]; /* over the point, or over the mark */
  const char *digit = digits + 1;
  const int64_t count = mark - digit > 1 ? mark - digit : 1;
  const auto fraction = [&](int64_t from) {
    *at++ = '.';
    at = from < count ? append(at, digit + from, count - from) : zeros(at, 1);
  };
  if (exponent < -3 || exponent >= 7) {
    *at++ = digit[0];
    fraction(1);
    *at++ = 'E';
    return std::to_chars(at, at + 4, exponent).ptr;
  }
  if (exponent < 0) {
    at = append(at, "0.");
    at = zeros(at, -exponent - 1);
    return append(at, digit, count);
  }
  const int64_t whole = exponent + 1;
  at = append(at, digit, whole < count ? whole : count);
  if (whole > count) at = zeros(at, whole - count);
  fraction(whole);
  return at;
}

}  // namespace

int32_t link_text(const char *names, const int64_t *name_start, int64_t, int64_t n, const int32_t *source,
                  const int32_t *target, const float *weight, char *text, int64_t capacity, int64_t *length) {
  char *at = text;
  const auto name = [&](int32_t node) { at = append(at, names + name_start[node], name_start[node + 1] - name_start[node]); };
  for (int64_t i = 0; i < n; i++) {
    const int32_t s = source[i], t = target[i];
    const int64_t needed = kLink + name_start[s + 1] - name_start[s] + name_start[t + 1] - name_start[t];
    if (text + capacity - at < needed) fail(HW_INVALID, "hw_link_text: text has no room for all links");
    if (!std::isfinite(weight[i])) fail(HW_INVALID, "hw_link_text: weight[%lld] is not finite", static_cast<long long>(i));
    at = append(at, kSource);
    name(s);
    at = append(at, kTarget);
    name(t);
    at = append(at, kWeight);
    at = append(at, weight[i]);
    *at++ = '}';
  }
  *length = at - text;
  return HW_OK;
}

}  // namespace hw
