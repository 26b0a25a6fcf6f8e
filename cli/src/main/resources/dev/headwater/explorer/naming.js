// What a node is called: by the people who look at it, by the file, by its evidence, or by its number.

import {ERROR, FEATURE, LOGIT, TOKEN} from './model.js';
import {percent, quoted, word} from './format.js';
import {hex, isPartial} from './tokens.js';

export function name(node, annotations) {
  switch (node.kind) {
    case TOKEN:
      return quoted(node.token);
    case LOGIT:
      return node.target
        ? `Target: ${node.target}`
        : `Output ${quoted(node.token)}${isPartial(node.token) ? ` #${node.key}` : ''}`;
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
  const at = `at “${word(graph.textAt(node.position))}”`;
  switch (node.kind) {
    case TOKEN:
      return `Token ${node.position}${part(node, graph)}`;
    case LOGIT:
      return output(node, graph);
    case ERROR:
      return `Error of layer ${node.layer} ${at}`;
    default:
      return `Layer ${node.layer}, feature ${node.feature >= 0 ? node.feature : node.key}, ${at}`;
  }
}

/** ", byte 0xE6, 1 of 3 tokens of a character, id 230" where a token is a part of a character. */
function part(node, graph) {
  const {first, last, bytes} = graph.words[node.position] ?? {first: 0, last: 0, bytes: []};
  if (bytes.length === 0 && !isPartial(node.token)) return '';
  const said = [bytes.length ? `${bytes.length > 1 ? 'bytes' : 'byte'} ${hex(bytes)}` : 'bytes of a character'];
  if (last > first) said.push(`part ${node.position - first + 1} of ${last - first + 1}`);
  const id = /^E_(\d+)_\d+$/.exec(node.id)?.[1];
  if (id !== undefined) said.push(`id ${id}`);
  return ', ' + said.join(', ');
}

function output(node, graph) {
  if (node.target) {
    const targets = graph.nodes.filter(other => other.kind === LOGIT).length;
    return targets > 1 ? `One of ${targets} targets, weight ${percent(node.probability)}` : 'What this graph explains';
  }
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(node.token);
  const what = byte
    ? `byte 0x${byte[1].toUpperCase()}, id ${node.key}, `
    : isPartial(node.token)
      ? `bytes of a character, id ${node.key}, `
      : '';
  const after = node.position === graph.tokens.length - 1 ? '' : ` after “${word(graph.textAt(node.position))}”`;
  return `Output${after}, ${what}${percent(node.probability)}`;
}

/** Layer and index, short: 3/1932. */
export function number(node) {
  if (node.kind === FEATURE) return `${node.layer}/${node.feature >= 0 ? node.feature : node.key}`;
  return node.kind === ERROR
    ? `${node.layer}/error`
    : node.kind === TOKEN
      ? 'token'
      : node.target
        ? 'target'
        : 'output';
}

export function layerName(row, graph) {
  return row === 0 ? 'Tokens' : row === graph.rows - 1 ? 'Output' : String(row - 1);
}
