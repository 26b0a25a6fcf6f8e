/* The end of a process while another thread is at work. */
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "check.h"

/* Before the machine is started in this process: each child starts its own. */
void ending() {
  for (int wait : {5, 50}) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      const hw_model model = open_model();
      std::thread([model] {
        for (;;) {
          hw_prompt_input prompt = text(kFact);
          hw_graph graph;
          hw_attribute(model, &prompt, nullptr, &graph);
        }
      }).detach();
      usleep(static_cast<useconds_t>(wait * 1000));
      std::exit(7);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
}
