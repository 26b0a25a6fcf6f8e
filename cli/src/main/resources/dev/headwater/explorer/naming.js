// What a node is called: by the people who look at it, by the file, by its evidence, or by its number.

import {ERROR, FEATURE, LOGIT, TOKEN} from './model.js';
import {percent, word} from './format.js';

export function name(node, annotations) {
  switch (node.kind) {
    case TOKEN:
      return `“${word(node.token)}”`;
    case LOGIT:
      return `Output “${word(node.token)}”`;
    case ERROR:
      return 'Error';
    default:
      return (
        annotations.labels[node.key] ||
        node.clerp ||
        node.defaultLabel ||
        `#${node.feature >= 0 ? node.feature : node.key}`
      );
  }
}

/** Where a node is and what kind it is, in a few words. */
export function place(node, graph) {
  const at = `at “${word(graph.tokens[node.position] ?? '')}”`;
  switch (node.kind) {
    case TOKEN:
      return `Token ${node.position}`;
    case LOGIT:
      return `Output, ${percent(node.probability)}`;
    case ERROR:
      return `Error of layer ${node.layer} ${at}`;
    default:
      return `Layer ${node.layer}, feature ${node.feature >= 0 ? node.feature : node.key}, ${at}`;
  }
}

/** Layer and index, short: 3/1932. */
export function number(node) {
  if (node.kind === FEATURE) return `${node.layer}/${node.feature >= 0 ? node.feature : node.key}`;
  return node.kind === ERROR ? `${node.layer}/error` : node.kind === TOKEN ? 'token' : 'output';
}

export function layerName(row, graph) {
  return row === 0 ? 'Tokens' : row === graph.rows - 1 ? 'Output' : String(row - 1);
}
