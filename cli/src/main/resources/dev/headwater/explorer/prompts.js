// Circuits of many prompts, as `headwater circuit` writes them: which prompts are behind an edge.

import {number} from './format.js';

const NAMED = 3;

/** The numbers in ranges such as 0-11,13. */
export function numbers(ranges) {
  return ranges.split(',').flatMap(range => {
    const [first, last = first] = range.split('-').map(Number);
    return last >= first ? Array.from({length: last - first + 1}, (_, i) => first + i) : [];
  });
}

/**
 * What is to be said of an edge, by the ids of its ends; '' where nothing is known.
 * @param block the file's merged_circuit, if it has one
 * @returns {(source: string, target: string) => string}
 */
export function behind(block) {
  if (!Array.isArray(block?.graphs) || !Array.isArray(block.edges)) return () => '';
  const edges = new Map(block.edges.map(edge => [edge.source + ' ' + edge.target, edge]));
  return (source, target) => {
    const edge = edges.get(source + ' ' + target);
    if (typeof edge?.graphs !== 'string') return '';
    const slugs = numbers(edge.graphs)
      .map(i => block.graphs[i]?.slug)
      .filter(Boolean);
    return (
      `± ${number(edge.deviation)} in ${slugs.length} of ${block.graphs.length} prompts: ` +
      slugs.slice(0, NAMED).join(', ') +
      (slugs.length > NAMED ? ', …' : '')
    );
  };
}
