// Putting another graph beside the one that is open, and taking it away again.

import * as notes from './annotations.js';
import {fill} from './dom.js';
import {Graph} from './model.js';

/** @returns {{begin: (other: string) => Promise<void>, end: () => void}} */
export function comparing(store, source, view, notice) {
  const $ = id => document.getElementById(id);
  return {
    async begin(other) {
      try {
        const [{json: right}, comparison, labels] = await Promise.all([
          source.graph(other),
          source.compare(store.state.name, other),
          source.labels(other).catch(() => ({})),
        ]);
        const graph = new Graph(right);
        graph.describe(labels);
        $('main').hidden = true;
        $('compare').hidden = false;
        view.show(
          {name: store.state.name, graph: store.state.graph, annotations: store.state.annotations},
          {name: other, graph, annotations: notes.read(graph.qParams, graph)},
          comparison,
        );
        store.set({other});
      } catch (failure) {
        notice(failure.message, true);
      }
    },
    end() {
      $('compare').hidden = true;
      fill($('compare'));
      $('main').hidden = false;
      store.set({other: null});
    },
  };
}
