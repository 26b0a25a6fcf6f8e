// Graphs to test with: real files of the Java tests, and small ones made here.

import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gunzipSync} from 'node:zlib';
import {Graph} from '../../main/resources/dev/headwater/explorer/model.js';

const RESOURCES = fileURLToPath(new URL('../resources', import.meta.url));

/** The JSON of a graph file among the Java tests' resources. */
export function json(name) {
  const files = /** @type {string[]} */ (readdirSync(RESOURCES, {recursive: true}));
  const file = files.find(each => each.endsWith(`${name}.json.gz`));
  return JSON.parse(gunzipSync(readFileSync(join(RESOURCES, file))).toString());
}

export function sample(name) {
  return new Graph(json(name));
}

/**
 * A graph from a few words.
 *
 * @param tokens the prompt's tokens
 * @param nodes  feature nodes as [layer, feature, position, influence]
 * @param links  [source id, target id, weight]; tokens are E_<position>, the only output is OUT
 */
export function made(tokens, nodes, links, prompt = tokens.join('')) {
  const layers = Math.max(...nodes.map(node => node[0])) + 1;
  const common = {jsNodeId: '', clerp: '', activation: null, influence: null};
  return new Graph({
    metadata: {slug: 'made', scan: 'made', prompt_tokens: tokens, prompt, schema_version: 1},
    qParams: {},
    nodes: [
      ...nodes.map(([layer, feature, position, influence = 0.5]) => ({
        ...common,
        node_id: `${layer}_${feature}_${position}`,
        feature: ((layer + feature) * (layer + feature + 1)) / 2 + feature,
        layer: String(layer),
        ctx_idx: position,
        feature_type: 'cross layer transcoder',
        activation: 1,
        influence,
      })),
      ...tokens.map((token, position) => ({
        ...common,
        node_id: `E_${position}`,
        feature: position,
        layer: 'E',
        ctx_idx: position,
        feature_type: 'embedding',
      })),
      {
        ...common,
        node_id: 'OUT',
        feature: 7,
        layer: String(layers + 1),
        ctx_idx: tokens.length - 1,
        feature_type: 'logit',
        clerp: 'Output " yes" (p=0.900)',
        token_prob: 0.9,
        is_target_logit: true,
      },
    ],
    links: links.map(([source, target, weight]) => ({source, target, weight})),
  });
}
