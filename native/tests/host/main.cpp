/* Runs the cases that the arguments name; prints a line for each that passed, ends with 1 at the first that did not. `loop N` makes N graphs. */
#include <cstdlib>

#include "check.h"

int main(int argc, char **argv) {
  const struct {
    const char *name;
    void (*run)();
  } cases[] = {{"errors", errors},
               {"ending", ending},
               {"versions", versions},
               {"threads", threads},
               {"closing", closing},
               {"forking", forking},
               {"stacks", stacks},
               {"signals", signals},
               {"late_signals", late_signals},
               {"tensors", tensors},
               {"contents", contents},
               {"another_machine", another_machine},
               {"conversations", conversations},
               {"contrasts", contrasts},
               {"heads", heads},
               {"evaluations", evaluations}};
  int ran = 0;
  for (int i = 1; i < argc; i++) {
    if (std::strcmp(argv[i], "loop") == 0 && i + 1 < argc) {
      loop(std::atoi(argv[++i]));
      ran++;
    }
    for (const auto &each : cases) {
      if (std::strcmp(argv[i], each.name) != 0) continue;
      each.run();
      std::printf("ok %s\n", each.name);
      std::fflush(stdout);
      ran++;
    }
  }
  return ran > 0 ? 0 : 2;
}
