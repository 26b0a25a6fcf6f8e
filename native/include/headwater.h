/*
 * Headwater from C: attribution graphs of language models, in the process of whoever asks for them.
 *
 * Errors. Every function that returns int32_t returns a status; on anything but HW_OK, hw_error_message() says in one sentence what was
 * wrong, and no result is written. No argument ends the process: null pointers, closed or invented handles, wrong numbers and texts that
 * are not UTF-8 are errors. Nothing here calls exit() or abort(), and nothing is printed.
 *
 * Handles are numbers that are never given twice. Each that a function returns is owned by the caller, who ends it with hw_close, once.
 * What it stands for lives until the last call that uses it has returned and the last tensor exported from it is given back, so another
 * thread may close at any time; calls that begin afterwards get HW_ERROR_HANDLE.
 *
 * Memory. Arrays and texts that hw_get_array and hw_get_texts give are borrowed: they belong to the handle and stay where they are until
 * it is closed; reading them later is the caller's fault, and nothing can check it. They must not be written to. Whatever the caller
 * passes in is borrowed for the duration of the call, but for what hw_import_tensor takes over. Texts are UTF-8; those that end with a
 * zero byte say so.
 *
 * In brackets at each function stands
 *   where it may be called: "any" is any thread, several at once, with the same handles too; "in turn" is any thread, and calls with the same
 *     handle wait for each other
 *   "long" where it works for longer than a moment; with a progress function in its options, that may end it
 *   what it hands out: "owned", a handle that the caller closes; "borrowed", memory that stays until what is said there
 *   how firm it is: "stable" as Versions below says; "new" may still change in a version 0.x, which the changelog then says
 *
 * Threads. Each needs a stack of at least 512 kB, 1 MB for attribution. The first call of a thread attaches it to the Java machine, its end
 * detaches it.
 *
 * The Java machine starts with the first call that needs it, in about 0.1 s, and stays until the process ends. It is started with reduced
 * signals (-Xrs): SIGINT, SIGTERM, SIGHUP and SIGQUIT stay the host's, and its own threads never run a host's handler of asynchronous
 * signals. It needs SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGPIPE for itself and passes on what is not its own to the handlers that were there
 * before; a host that sets such handlers later must link or preload libjsig.so of the same Java before the C library, which keeps both.
 *
 * A process that has a Java machine already (a Java program, JPype, another library like this): that one is used, since there can't be two.
 * It must be Java 25 or newer, and be started with --enable-native-access=ALL-UNNAMED: Headwater's classes come in by a class loader of
 * their own, without a module, and Java warns of native code that was not allowed, and will refuse it one day. Its heap (-Xmx), its
 * collector and what it does with signals are its own: HEADWATER_JAVA_OPTS and hw_start's options have no say (HW_ERROR_JAVA), and -Xrs is
 * for who started it. Nobody may end it (DestroyJavaVM) while this library is in use.
 *
 * The end. There is no function for it: Java machines can't be started twice in a process. A process may end with handles open; exit() waits
 * for calls of other threads, at most 10 s, and asks them to end: HW_ERROR_CANCELLED, later ones get HW_ERROR_JAVA. Files that are being written
 * appear whole or not at all. Memory that handles hold is given back by hw_close, not by the end of a thread. dlclose leaves the library
 * where it is. After fork() the child can't use it: HW_ERROR_JAVA.
 *
 * Found are Java and the jars: by hw_start's home, by the environment variable HEADWATER_HOME (an unpacked release, or a clone that was
 * built), else from where libheadwater.so lies, upwards. A release brings its Java; a clone takes JAVA_HOME, java on the PATH, or a JDK
 * in one of the usual places. HEADWATER_JAVA_OPTS adds options, such as -Xmx8g; HEADWATER_LIBTORCH and the other variables of the command
 * line mean here what they mean there. Loading libtorch sets OMP_NUM_THREADS, MKL_NUM_THREADS and the like in the environment of the
 * process where they are not set.
 *
 * Versions. HW_API_VERSION counts changes that break callers, and the library's major version (before 1.0 its minor one) rises with it. While
 * it is the same, functions, constants and the places of fields stay; new ones are added. Structs that callers fill begin with their size,
 * which their init function sets: later versions add fields at the end, and an older caller's struct goes on working. Structs without a size
 * (hw_array, hw_texts, hw_edit) stay as they are. engine/docs/api.md has the rules; native/host/abi.txt is the list that is held to them.
 */
#ifndef HEADWATER_H
#define HEADWATER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef HW_API
#define HW_API __attribute__((visibility("default")))
#endif

#define HW_API_VERSION 1

/* ---- status ---- */
#define HW_OK 0
#define HW_ERROR_USAGE 1  /* the request makes no sense: an argument is out of its range, null, or of another version */
#define HW_ERROR_FAILED 2 /* it makes sense and can't be done: a model is missing, a file is damaged */
#define HW_ERROR_HANDLE 3 /* a handle is closed, was never given out, or stands for something else */
#define HW_ERROR_CANCELLED 4 /* a progress function asked for the end */
#define HW_ERROR_MEMORY 5    /* there is not enough */
#define HW_ERROR_JAVA 6      /* the Java machine can't be found or started, or is another process's */
#define HW_ERROR_INTERNAL 7  /* a fault of Headwater's */

/* HW_API_VERSION of the library. Starts nothing, never fails. [any; stable] */
HW_API uint32_t hw_api_version(void);

/* What went wrong in the calling thread's last call that failed, "" if none did. Borrowed until the thread's next call; ends
   with 0. [any; stable] */
HW_API const char *hw_error_message(void);

/* ---- the machine ---- */
typedef struct hw_start_options {
  size_t size;              /* set by hw_start_options_init */
  const char *home;         /* an unpacked release or a built clone; NULL to look for it. Ends with 0 */
  const char *java_options; /* beside HEADWATER_JAVA_OPTS, separated by spaces; NULL for none. Ends with 0 */
  int32_t threads;          /* of native code; 0: OMP_NUM_THREADS, else all processors */
} hw_start_options;
/* Defaults. [any; stable] */
HW_API void hw_start_options_init(hw_start_options *options);

/* Starts the Java machine now, with options. Once it runs, it can't be started with other ones: HW_ERROR_JAVA. Options may be NULL.
   [any; the first wins; stable] */
HW_API int32_t hw_start(const hw_start_options *options);

/* Versions and open handles as JSON. Borrowed until the calling thread's next call of this; ends with 0. [any; borrowed; stable] */
HW_API int32_t hw_about(const char **json);

/* ---- handles and what they give ---- */
typedef uint64_t hw_handle;
typedef hw_handle hw_model;      /* a model with transcoders, or with its own neurons as features */
typedef hw_handle hw_prompt;     /* a prompt as tokens */
typedef hw_handle hw_graph;      /* a whole attribution graph */
typedef hw_handle hw_pruned;     /* the part of a graph that matters */
typedef hw_handle hw_run;        /* a pass of a model over a prompt, with edits or without; keeps the model */
typedef hw_handle hw_generation; /* how a model goes on */
typedef hw_handle hw_tensor;     /* a float32 matrix */
typedef hw_handle
    hw_heads; /* which attention heads a pruned graph's edges passed; keeps the model, frozen at the graph's prompt */
typedef hw_handle hw_score;      /* why an attention head looks from one position to another */
typedef hw_handle hw_evaluation; /* how far a model's transcoders stand in for its MLPs */

/* Ends a handle. [any, also while others work with it; stable] */
HW_API int32_t hw_close(hw_handle handle);

/* Element types, and what arrays and texts there are. */
#include "headwater_arrays.h"

/* A dense row-major array in the processor's memory; data is never NULL. */
typedef struct hw_array {
  const void *data;
  int64_t shape[4];
  int32_t rank; /* how many of shape count */
  int32_t type;
} hw_array;

/* One array of what a handle stands for. `index` is a layer where the list says so, else 0. An array is made when it
   is first asked for. [in turn; borrowed until the handle is closed; stable] */
HW_API int32_t hw_get_array(hw_handle handle, int32_t what, int32_t index, hw_array *array);

/* count texts; each ends with 0 and may hold zeros, so lengths count. */
typedef struct hw_texts {
  const char *const *text;
  const size_t *length; /* in bytes */
  size_t count;
} hw_texts;

/* Texts of what a handle stands for, made when they are first asked for. [in turn; borrowed until the handle is closed; stable] */
HW_API int32_t hw_get_texts(hw_handle handle, int32_t what, hw_texts *texts);

/* Memory shared by DLPack's rules (1.x): dmlc/dlpack.h defines the struct. */
struct DLManagedTensorVersioned;

/* An array of hw_get_array as a tensor that others take over in place, read-only. Owned by the caller: it, or whoever gets it, calls its
   deleter, from any thread; the memory stays until then, whether the handle is closed or not. [any; stable] */
HW_API int32_t hw_export_tensor(hw_handle handle, int32_t what, int32_t index,
                                struct DLManagedTensorVersioned **tensor);

/* Somebody else's float32 tensor, dense, in the processor's memory, of 1 or 2 dimensions, at most 2 GiB. Taken over if the call succeeds:
   the deleter is called when the handle's last use ends, on whatever thread that is. [any; owned; stable] */
HW_API int32_t hw_import_tensor(struct DLManagedTensorVersioned *tensor, hw_tensor *out);

/* ---- models and prompts ---- */

/* Hears how far work has come, on the thread that does it; must return soon, throw nothing and not leave by longjmp. May call other
   functions of this header. phase ends with 0, borrowed for the call; total is -1 if unknown. Not 0 asks for the end of the work. */
typedef int32_t (*hw_progress)(void *user, const char *phase, int64_t done, int64_t total);

#define HW_FLOAT32 0
#define HW_BFLOAT16 1

typedef struct hw_model_options {
  size_t size;
  const char *device;   /* "auto" (NULL), "cpu", "cuda:N". Ends with 0 */
  const char *products; /* "auto" (NULL), "float32", "bf16x6". Ends with 0 */
  int32_t dtype;        /* HW_FLOAT32 or HW_BFLOAT16 */
  hw_progress progress; /* NULL for none: bytes of what is fetched */
  void *user;           /* goes to progress */
} hw_model_options;
/* Defaults. [any; stable] */
HW_API void hw_model_options_init(hw_model_options *options);

/* Loads a model. Both names end with 0: a directory, a repository org/name[@revision], or what is bundled ("atlas"; "atlas-plt",
   "atlas-clt"); transcoders may be "neurons". model NULL: the one that the transcoders name; both NULL: the bundled ones.
   [any; long; owned; stable] */
HW_API int32_t hw_open_model(const char *model, const char *transcoders, const hw_model_options *options,
                             hw_model *out);

#define HW_THINKING_UNSAID 0
#define HW_THINKING_ON 1
#define HW_THINKING_OFF 2

/* What to trace: text, tokens, or a conversation in the model's chat template: if chat is not 0, or a field after thinking is given. */
typedef struct hw_prompt_input {
  size_t size;
  const char *text;      /* a special token leads unless it begins with one; in a conversation the user's last turn */
  size_t text_length;    /* bytes of text; HW_UNTIL_ZERO */
  const int32_t *tokens; /* exactly these; NULL if text is given */
  size_t token_count;
  int32_t chat;            /* not 0: a conversation, even if nothing but text is given */
  int32_t leading_special; /* of a conversation; not 0: a special token leads also where the template writes none */
  int32_t thinking;        /* HW_THINKING_...: what a template with a switch for it is told */
  const char *messages;    /* JSON: a list of role and content, or an object with it as the command line reads */
  const char *system;      /* what the system says first */
  const char *assistant;   /* how the answer begins, which the model goes on with. All three end with 0 */
} hw_prompt_input;

#define HW_UNTIL_ZERO ((size_t)-1)
/* Defaults. [any; stable] */
HW_API void hw_prompt_input_init(hw_prompt_input *prompt);

/* The prompt as the model reads it. [any; owned; stable] */
HW_API int32_t hw_read_prompt(hw_model model, const hw_prompt_input *prompt, hw_prompt *out);

/* What features of a layer write to a layer of theirs, f32[n, width]. [any; owned; stable] */
HW_API int32_t hw_decoder_rows(hw_model model, int32_t layer, int32_t target_layer, const int32_t *features, size_t n,
                               hw_tensor *out);

/* What explaining these tokens explains: unembeddings less their mean over the vocabulary, f32[n, width]. [any; owned; stable] */
HW_API int32_t hw_target_directions(hw_model model, const int32_t *tokens, size_t n, hw_tensor *out);

/* ---- attribution ---- */
#define HW_RANK_USUAL 0     /* influence for transcoders, total effects for neurons */
#define HW_RANK_INFLUENCE 1 /* in rounds, as circuit-tracer does */
#define HW_RANK_TOTAL 2     /* effects over all paths, in one pass */

#define HW_TARGETS_LIKELIEST 0  /* the most probable next tokens */
#define HW_TARGETS_TOKENS 1     /* targets: token ids */
#define HW_TARGETS_DIFFERENCE 2 /* targets: two token ids; why the first rather than the second */
#define HW_TARGETS_FEATURES 3   /* targets: layer, position (negative from the end), number of each; why they fire */
#define HW_TARGETS_DIRECTIONS \
  4 /* direction: a tensor f32[width] or f32[count, width] of the final residual stream, weighted alike */

typedef struct hw_attribution_options {
  size_t size;
  int32_t max_features;     /* 7500; 0 for all */
  int32_t max_logits;       /* 10 */
  double logit_probability; /* 0.95 */
  int32_t batch_size;       /* 256: features are ranked anew after batch_size * update_interval of them */
  int32_t update_interval;  /* 4 */
  int32_t rank;             /* HW_RANK_USUAL */
  int32_t target_kind;      /* HW_TARGETS_LIKELIEST */
  const int32_t *targets;   /* see target_kind */
  size_t target_count;      /* numbers in targets */
  hw_tensor direction;      /* see target_kind */
  uint64_t memory;          /* bytes for gradients and decoder vectors; 0: a quarter of the machine's */
  hw_progress progress;
  void *user;
  const hw_prompt_input *contrast; /* for a model's own neurons: prompts whose mean takes the place of 0; NULL */
  size_t contrast_count;           /* all with the size of the first */
} hw_attribution_options;
/* Defaults. [any; stable] */
HW_API void hw_attribution_options_init(hw_attribution_options *options);

/* From a prompt to its graph. options NULL: all defaults. [any; long; owned; stable] */
HW_API int32_t hw_attribute(hw_model model, const hw_prompt_input *prompt, const hw_attribution_options *options,
                            hw_graph *out);

/* A whole graph from *.safetensors or circuit-tracer's *.pt. The path ends with 0. [any; long; owned; stable] */
HW_API int32_t hw_read_graph(const char *file, hw_graph *out);
/* A whole graph as *.safetensors. The path ends with 0. [any; long; stable] */
HW_API int32_t hw_write_graph(hw_graph graph, const char *file);

/* Rows of the edge matrix with their zeros, f32[count, n]. [any; owned; stable] */
HW_API int32_t hw_edge_rows(hw_graph graph, int32_t first, int32_t count, hw_tensor *out);

/* How much of the prediction features explain, both from 0 to 1. [any; stable] */
HW_API int32_t hw_scores(hw_graph graph, double *replacement, double *completeness);

/* The nodes, then the edges, that carry these shares of the influence (usual: 0.8 and 0.98). Keeps the graph.
   [any; long; owned; stable] */
HW_API int32_t hw_prune(hw_graph graph, double node_share, double edge_share, hw_pruned *out);

typedef struct hw_heads_options {
  size_t size;
  double share;      /* 0.8: of an edge's loadings, that its listed parts make up; at most 16 parts */
  int32_t explained; /* 0: how many of the most influential heads hw_write_pruned says of where they look */
  hw_progress progress;
  void *user;
} hw_heads_options;
/* Defaults. [any; stable] */
HW_API void hw_heads_options_init(hw_heads_options *options);

/* Runs the model once more over the graph's prompt, and finds which attention heads the edges passed. hw_write_pruned writes that too from
   then on. The model is the one that the graph was made with; not of graphs with a contrast. options may be NULL.
   [any; long; owned; new] */
HW_API int32_t hw_find_heads(hw_model model, hw_pruned pruned, const hw_heads_options *options, hw_heads *out);

/* Why a head looks from one position to another; both count from the end if negative. pairs (usual: 12) are how many pairs of sources are
   told at most, 0 for all. [in turn; long; owned; new] */
HW_API int32_t hw_explain_score(hw_heads heads, int32_t layer, int32_t head, int32_t query, int32_t key, int32_t pairs,
                                hw_score *out);

/* Writes directory/slug.json, which the explorer and other front ends read, and enters it into the directory's index. If another graph has
   the name, numbered not 0 takes slug-2 and so on, else that is an error. *file, which may be NULL, gets the path: borrowed until the
   calling thread's next call of this; ends with 0. [any; long; borrowed; stable] */
HW_API int32_t hw_write_pruned(hw_pruned pruned, const char *slug, int32_t numbered, const char *directory,
                               const char **file);

/* ---- judging transcoders ---- */
typedef struct hw_evaluation_options {
  size_t size;
  int32_t window;       /* 128: tokens that the model reads at once; longer documents are cut */
  int32_t layer_losses; /* 0; not 0: each layer is replaced alone too, three more passes a layer */
  int64_t tokens;       /* 20000: of the text at most */
  int64_t loss_tokens;  /* 2048: of its beginning for losses at most; 0 for no losses */
  hw_progress progress;
  void *user;
} hw_evaluation_options;
/* Defaults. [any; stable] */
HW_API void hw_evaluation_options_init(hw_evaluation_options *options);

/* Judges a model's transcoders on text that they were not trained on: n files of UTF-8, a document a line, packed where they end in .gz;
   their names end with 0. HW_INFO of it is an object of 'headwater evaluate --json'. options may be NULL. [any; long; owned; new] */
HW_API int32_t hw_evaluate(hw_model model, const char *const *files, size_t n, const hw_evaluation_options *options,
                           hw_evaluation *out);

/* ---- interventions ---- */
#define HW_ABLATE 0    /* the activation is 0 */
#define HW_SET 1       /* it is value */
#define HW_SCALE 2     /* it is multiplied by value */
#define HW_ADD 3       /* value is added */
#define HW_SWAP 4      /* it is the one of the prompt `other`, times value */
#define HW_KNOCK_OUT 5 /* an attention head writes nothing */

typedef struct hw_edit {
  const char
      *place; /* LAYER/POSITION/FEATURE, with ranges and *, such as 2/-1/607; of a head LAYER/HEAD. Ends with 0 */
  const char *other; /* HW_SWAP: a prompt; else NULL. Ends with 0 */
  int32_t change;
  float value;
} hw_edit;

#define HW_FREEZE_ATTENTION 0 /* attention patterns stay, everything else responds */
#define HW_FREEZE_NOTHING 1
#define HW_FREEZE_EVERYTHING 2 /* direct effects only, those that edges state */
#define HW_FREEZE_LAYERS \
  3 /* attention, and MLP outputs of layers first_layer to end_layer - 1; edits write to these only */

typedef struct hw_intervention_options {
  size_t size;
  int32_t freeze;                 /* HW_FREEZE_ATTENTION */
  int32_t first_layer, end_layer; /* HW_FREEZE_LAYERS */
  /* of hw_generate: */
  int32_t max_tokens; /* 20 */
  double temperature; /* 0: the likeliest token always */
  double top_p;       /* 1 */
  int32_t top_k;      /* 0 for all */
  int64_t seed;
  hw_progress progress;
  void *user;
} hw_intervention_options;
/* Defaults. [any; stable] */
HW_API void hw_intervention_options_init(hw_intervention_options *options);

/* The prompt's pass with edits; without any, the plain model's. options may be NULL. [any; long; owned; stable] */
HW_API int32_t hw_intervene(hw_model model, const hw_prompt_input *prompt, const hw_edit *edits, size_t n,
                            const hw_intervention_options *options, hw_run *out);

/* Goes on with the prompt while the edits hold. [any; long; owned; stable] */
HW_API int32_t hw_generate(hw_model model, const hw_prompt_input *prompt, const hw_edit *edits, size_t n,
                           const hw_intervention_options *options, hw_generation *out);

#ifdef __cplusplus
}
#endif

#endif
