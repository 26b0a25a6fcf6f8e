// What pointer, wheel and keys do to a graph view.

import {distanceToEdge, nodeRadius} from './painter.js';

const REACH = 18; // pixels from which the pointer catches a node
const EDGE_REACH = 5; // and an edge of the selected node

/** The shown node nearest to a point of the host, if it is near enough; −1 otherwise. */
export function nearest({place, frame, zoom, shown}, x, y) {
  const {left, top} = frame,
    {k} = zoom,
    px = place.x,
    py = place.y;
  let best = -1,
    least = Math.max(REACH, nodeRadius(place, zoom)) ** 2;
  for (let i = 0; i < px.length; i++) {
    if (!shown[i]) continue;
    const at = zoom.x + px[i] * k;
    if (at < -REACH || at > frame.width + REACH) continue; // scrolled away
    const dx = left + at - x,
      dy = top + py[i] - y,
      d = dx * dx + dy * dy;
    if (d <= least) [best, least] = [i, d];
  }
  return best;
}

/** The edge of the selected node that lies under a point; null if none does. */
export function nearestLink({props: {graph}, place, frame, zoom, links}, x, y) {
  let best = null,
    least = EDGE_REACH;
  for (const {edge} of links) {
    const d = distanceToEdge({place, frame, zoom}, graph.source[edge], graph.target[edge], x, y);
    if (d < least) [best, least] = [edge, d];
  }
  return best === null
    ? null
    : {source: graph.nodes[graph.source[best]].id, target: graph.nodes[graph.target[best]].id};
}

export function sideways(event) {
  return event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
}

/** @param {import('./graph-view.js').GraphView} view */
export function listen(view) {
  const at = event => {
    const box = view.plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  view.plot.addEventListener('pointermove', event => {
    if (!view.place || event.buttons) return;
    view.hover(view.nearest(...at(event)), true);
  });
  view.plot.addEventListener('pointerleave', () => view.place && view.hover(-1));
  view.plot.addEventListener('click', event => {
    if (!view.place) return;
    const index = view.nearest(...at(event));
    if (index < 0) {
      const edge = view.actions.selectEdge ? nearestLink(view, ...at(event)) : null;
      return edge ? view.actions.selectEdge(edge) : view.actions.select(null);
    }
    view.tooltip.hide();
    const {id} = view.props.graph.nodes[index];
    if (event.ctrlKey || event.metaKey || event.shiftKey) view.actions.pin(id);
    else view.actions.select(id);
  });
  view.plot.addEventListener('dblclick', event => {
    const index = view.place ? view.nearest(...at(event)) : -1;
    if (index >= 0) view.actions.pin(view.props.graph.nodes[index].id);
  });
  view.plot.addEventListener('keydown', event => key(view, event));
  view.plot.addEventListener('blur', () => view.place && view.hover(-1));
  view.plot.addEventListener(
    'wheel',
    event => {
      if (!view.place || !sideways(event)) return;
      event.preventDefault();
      view.moveTo(view.zoom.k, view.zoom.x - (event.deltaX || event.deltaY));
    },
    {passive: false},
  );
  view.scroller.addEventListener('scroll', () => {
    // Our own placing tells of itself late, when the next zoom may have moved on: only what a person scrolls counts.
    if (!view.place || Math.abs(view.scroller.scrollLeft - view.scrolledTo) <= 1) return;
    view.scrolledTo = view.scroller.scrollLeft;
    view.moveTo(view.zoom.k, -view.scroller.scrollLeft);
  });
}

function key(view, event) {
  if (!view.place || event.ctrlKey || event.metaKey || event.altKey) return;
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
  const {graph} = view.props;
  if (moves[event.key]) view.step(...moves[event.key]);
  else if (event.key === 'Enter' || event.key === ' ')
    view.hovered >= 0 && view.actions.select(graph.nodes[view.hovered].id);
  else if (event.key === 'p' || event.key === 'P') view.pinByKey();
  else if (event.key === '+' || event.key === '=') view.zoomBy(1.4);
  else if (event.key === '-') view.zoomBy(1 / 1.4);
  else if (event.key === '0') view.resetZoom();
  else return;
  event.preventDefault();
}
