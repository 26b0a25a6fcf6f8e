/*
 * What headwater.h's handles hold, by number: element types, arrays and texts. headwater.h includes it.
 */
#ifndef HEADWATER_ARRAYS_H
#define HEADWATER_ARRAYS_H

/* Element types. */
#define HW_U8 1
#define HW_I32 2
#define HW_I64 3
#define HW_F32 4
#define HW_F64 5

/*
 * Arrays. A graph's n nodes are numbered: M features by layer, position and number, L*P errors (layer by layer), P tokens, K logits. The
 * edge matrix is sparse by rows: row r, a target, has the stored values start[r] to start[r+1]-1, each with its source (column).
 */
#define HW_TOKENS 1           /* i32[P]: prompt, graph, run; of a generation the new ones */
#define HW_NODE_KIND 10       /* u8[n]: 0 feature, 1 error, 2 token, 3 logit. These are of graphs: */
#define HW_NODE_LAYER 11      /* i32[n]; -1 for tokens, L for logits */
#define HW_NODE_POSITION 12   /* i32[n] */
#define HW_NODE_NUMBER 13     /* i32[n]: feature within its layer; token id; vocabulary id of a logit; -1 for errors */
#define HW_NODE_ACTIVATION 14 /* f32[n]: of features; probabilities of logits; else NaN */
#define HW_NODE_INFLUENCE 15  /* f64[n]: on the targets, over all paths */
#define HW_EDGE_START 20      /* i64[n+1] */
#define HW_EDGE_SOURCE 21     /* i32[stored]; ascending within a row */
#define HW_EDGE_WEIGHT 22     /* f32[stored], where they were computed; some may be 0 */
#define HW_LOGIT_TOKENS 30    /* i32[K]: vocabulary ids; of targets that are no tokens, ids beyond the vocabulary */
#define HW_LOGIT_WEIGHTS 31   /* f32[K]: probabilities */
#define HW_ACTIVE_FEATURES 40 /* i32[N,3]: layer, position, number of all features that fire */
#define HW_ACTIVATIONS 41     /* f32[N] */
#define HW_SELECTED 42        /* i32[M]: which of them are nodes */
#define HW_KEPT_NODES 50      /* i32[kept], ascending node numbers. These are of pruned graphs: */
#define HW_KEPT_TARGETS 51    /* i32[edges], by target, then source */
#define HW_KEPT_SOURCES 52    /* i32[edges] */
#define HW_KEPT_WEIGHTS 53    /* f32[edges] */
#define HW_LOGITS 60          /* f32[P,V], where the forward pass left them. These are of runs: */
#define HW_LAYER_POSITIONS 61 /* i32[active]: positions of the features that fire in layer `index` */
#define HW_LAYER_FEATURES 62  /* i32[active] */
#define HW_LAYER_ACTIVATIONS 63 /* f32[active] */
#define HW_LAYER_DENSE 64       /* f32[P,F]: the same with zeros */
#define HW_VALUES 70            /* f32[...]: a tensor's */
#define HW_HEAD_INFLUENCE 80    /* f64[L,H]: the share of the influence that passes each head. These are of heads: */
#define HW_HEAD_TARGETS 81      /* i32[edges]: nodes of the graph; of the edges that attention lies between */
#define HW_HEAD_SOURCES 82      /* i32[edges] */
#define HW_HEAD_START 83        /* i64[edges+1]: edge e has the parts start[e] to start[e+1]-1, the strongest first */
#define HW_HEAD_LAYERS 84       /* i32[parts] */
#define HW_HEAD_NUMBERS 85      /* i32[parts]: the head within its layer */
#define HW_HEAD_LOADINGS 86     /* f32[parts]: what passed it */
#define HW_HEAD_REST 87         /* f64[edges]: what passed the heads that are not listed */
#define HW_SOURCES 88 /* i32[S,4]: kind, layer, position, number (as those of nodes) of what scores are sums over */
#define HW_SCORE_SUMMARY 90  /* f64[6]: score before the softmax, attention after it, mean score, rests of the next 3 */
#define HW_SCORE_QUERY 91    /* f32[S]: of what makes the query; with its rest they sum up to the score */
#define HW_SCORE_KEY 92      /* f32[S]: of what makes the key; as well */
#define HW_SCORE_RELATIVE 93 /* f32[S]: why there rather than elsewhere; to the score less the mean score */
#define HW_SCORE_PAIRS 94    /* i32[pairs,2]: source of the query, source of the key; the strongest first */
#define HW_SCORE_PAIR_VALUES 95 /* f32[pairs] */

/* Texts. */
#define HW_TOKEN_TEXTS 100    /* [P]: prompt, graph, run; of a generation those of its tokens */
#define HW_PROMPT_TEXT 101    /* [1]: prompt, graph, run */
#define HW_LOGIT_TEXTS 102    /* [K]: graph */
#define HW_NODE_LABELS 103    /* [kept]: pruned; names of features, texts of tokens and logits, "" for errors */
#define HW_GENERATED_TEXT 104 /* [1]: generation */
#define HW_INFO 105           /* [1]: model, graph, generation, evaluation; a JSON object */

#endif
