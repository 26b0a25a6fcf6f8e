/*
 * Traces a prompt with the bundled model and prints the strongest features, as ./headwater attribute does.
 *
 *   cc trace.c $(pkg-config --cflags --libs headwater) -o trace && ./trace "Fact: the capital of the state containing Dallas is" [FOLDER]
 *
 * Into FOLDER go the graph for front ends and, as graph.safetensors, the whole of it.
 */
#include <headwater.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int32_t status) {
  if (status == HW_OK) return;
  fprintf(stderr, "trace: %s\n", hw_error_message());
  exit(1);
}

static int32_t show(void *user, const char *phase, int64_t done, int64_t total) {
  if (user != NULL && done == total) fprintf((FILE *)user, "%s\n", phase);
  return 0; /* anything else ends the work */
}

static const void *array(hw_handle handle, int32_t what, int64_t *count) {
  hw_array found;
  check(hw_get_array(handle, what, 0, &found));
  if (count != NULL) *count = found.shape[0];
  return found.data;
}

int main(int argc, char **argv) {
  hw_model model;
  check(hw_open_model("atlas", NULL, NULL, &model));

  hw_prompt_input prompt;
  hw_prompt_input_init(&prompt);
  prompt.text = argc > 1 ? argv[1] : "Fact: the capital of the state containing Dallas is";
  hw_attribution_options options;
  hw_attribution_options_init(&options);
  options.progress = show;
  options.user = getenv("VERBOSE") != NULL ? stderr : NULL;
  hw_graph graph;
  check(hw_attribute(model, &prompt, &options, &graph));

  hw_texts logits;
  check(hw_get_texts(graph, HW_LOGIT_TEXTS, &logits));
  const float *probability = array(graph, HW_LOGIT_WEIGHTS, NULL);
  printf("next \"%s\" %.4f\n", logits.text[0], probability[0]);

  hw_pruned pruned;
  check(hw_prune(graph, 0.8, 0.98, &pruned));
  int64_t kept, edges, nodes;
  const int32_t *node = array(pruned, HW_KEPT_NODES, &kept);
  array(pruned, HW_KEPT_WEIGHTS, &edges);
  const uint8_t *kind = array(graph, HW_NODE_KIND, &nodes);
  const int32_t *layer = array(graph, HW_NODE_LAYER, NULL);
  const int32_t *position = array(graph, HW_NODE_POSITION, NULL);
  const int32_t *number = array(graph, HW_NODE_NUMBER, NULL);
  const double *influence = array(graph, HW_NODE_INFLUENCE, NULL);
  hw_texts labels;
  check(hw_get_texts(pruned, HW_NODE_LABELS, &labels));
  printf("%lld nodes, of which %lld with %lld edges matter\n", (long long)nodes, (long long)kept, (long long)edges);
  for (int64_t i = 0; i < kept; i++) {
    const int32_t n = node[i];
    if (kind[n] == 0 && influence[n] > 0.02) {
      printf("%.4f %d/%d/%d %s\n", influence[n], layer[n], position[n], number[n], labels.text[i]);
    }
  }
  if (argc > 2) {
    const char *file;
    char raw[4096];
    check(hw_write_pruned(pruned, "sample", 0, argv[2], &file));
    snprintf(raw, sizeof raw, "%s/graph.safetensors", argv[2]);
    check(hw_write_graph(graph, raw));
    printf("wrote %s and %s\n", file, raw);
  }
  check(hw_close(pruned));
  check(hw_close(graph));
  check(hw_close(model));
  return 0;
}
