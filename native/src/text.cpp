/* Edges as JSON text. */
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

#include "decimal.h"
#include "kernels.h"

namespace hw {
namespace {

/* Short texts are copied as whole registers: the copy may run over its end by this much, into room that is still free. */
constexpr int64_t kSlack = 16;

template <size_t N>
char *append(char *at, const char (&literal)[N]) {
  std::memcpy(at, literal, N - 1);
  return at + N - 1;
}

char *append(char *at, const char *text, int64_t length) {
  std::memcpy(at, text, kSlack);
  if (length > kSlack) std::memcpy(at + kSlack, text + kSlack, static_cast<size_t>(length - kSlack));
  return at + length;
}

char *zeros(char *at, int64_t count) {
  std::memset(at, '0', 8);
  return at + count;
}

/* The fewest digits that tell the number from its neighbours, laid out as Java does: 0.001, 12.0, 1.5E-4. */
char *append(char *at, float x) {
  if (std::signbit(x)) *at++ = '-';
  const Decimal decimal = shortest(x);
  char digit[2 * kSlack];
  const int64_t count = std::to_chars(digit, digit + kSlack, decimal.digits).ptr - digit;
  const int64_t exponent = decimal.exponent + count - 1; /* of the first digit */
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
  at = append(at, digit, std::min(whole, count));
  if (whole > count) at = zeros(at, whole - count);
  fraction(whole);
  return at;
}

}  // namespace

int32_t link_text(const char *names, const int64_t *name_start, int64_t nodes, int64_t n, const int32_t *source,
                  const int32_t *target, const float *weight, char *text, int64_t, int64_t *length) {
  constexpr int64_t kWorth = 1 << 12; /* links from which threads pay */
  const int64_t room = link_room(name_start, nodes);
  const int parts = n < kWorth ? 1 : threads();
  std::vector<char *> end(static_cast<size_t>(parts));
  const auto first = [&](int part) { return n * part / parts; };
  std::vector<char> name(names, names + name_start[nodes]);
  name.resize(name.size() + kSlack);
  /* Each part is written where it has room in any case, then they are brought together. */
#pragma omp parallel for schedule(static, 1) num_threads(parts)
  for (int part = 0; part < parts; part++) {
    char *at = text + first(part) * room;
    const auto append_name = [&](int32_t node) {
      at = append(at, name.data() + name_start[node], name_start[node + 1] - name_start[node]);
    };
    for (int64_t i = first(part); i < first(part + 1); i++) {
      at = append(at, ",{\"source\":\"");
      append_name(source[i]);
      at = append(at, "\",\"target\":\"");
      append_name(target[i]);
      at = append(at, "\",\"weight\":");
      at = append(at, weight[i]);
      *at++ = '}';
    }
    end[static_cast<size_t>(part)] = at;
  }
  *length = 0;
  for (int part = 0; part < parts; part++) {
    const char *from = text + first(part) * room;
    const int64_t size = end[static_cast<size_t>(part)] - from;
    if (part > 0) std::memmove(text + *length, from, static_cast<size_t>(size));
    *length += size;
  }
  return HW_OK;
}

int64_t link_room(const int64_t *name_start, int64_t nodes) {
  int64_t longest = 0;
  for (int64_t i = 0; i < nodes; i++) longest = std::max(longest, name_start[i + 1] - name_start[i]);
  return 64 + 2 * longest; /* 36 of JSON, 15 of the number, and kSlack from within them */
}

}  // namespace hw
