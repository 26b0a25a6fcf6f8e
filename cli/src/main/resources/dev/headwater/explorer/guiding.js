// Joins the gallery, the guides and the tour to the page.

import {groupId} from './annotations.js';
import {mostInteresting} from './beginning.js';
import {Gallery, shownExample} from './gallery.js';
import {LOGIT} from './model.js';
import {Tour} from './tour.js';

/**
 * @param store
 * @param source
 * @param {HTMLElement} host where the gallery is shown
 * @param steer  the panel that experiments run in
 * @param actions open(name), newGraph(), choose()
 */
export function guiding(store, source, host, steer, actions) {
  const gallery = new Gallery(host, source, {
    ...actions,
    open: async example => {
      await gallery.prepare(store.state.models, example);
      await actions.open(example.name);
      tour.start(example.steps);
    },
    back: () => actions.open(store.state.name),
  });
  const tour = new Tour({
    prepare: step => store.set(prepared(step, store.state)),
    run: async experiment => {
      store.set({tab: 'steer'});
      await new Promise(requestAnimationFrame); // then the panel knows the circuit
      return gallery.run(experiment, store.state.models, steer);
    },
  });
  return {
    show: problem => gallery.show(store.state.models, store.state.name, problem),
    tour: () => tour.start(),
    guide: () => tour.start(shownExample(store.state).steps),
    end: () => tour.end(),
  };
}

/**
 * What a step of a tour wants the page to show.
 *
 * @param {import('./tour.js').Step} step
 */
function prepared({needsNode, select, group, tab}, {graph, annotations, clicked}) {
  if (!graph) return {};
  const node = select === 'output' ? graph.nodes.find(each => each.kind === LOGIT) : graph.node(select);
  const chosen = annotations.groups.find(each => each.label === group);
  return {
    ...(node ? {clicked: node.id} : needsNode && !clicked ? {clicked: mostInteresting(graph)?.id ?? null} : {}),
    ...(tab ? {tab} : {}),
    ...(group === undefined ? {} : {group: chosen ? groupId(chosen) : null}),
  };
}
