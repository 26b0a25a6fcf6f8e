// Addresses of what is shown, to be copied: a link for people, a frame for notebooks and pages.

import {modal} from './dialogs.js';
import {h} from './dom.js';
import {encode} from './url.js';

/** What a frame can show: the name in the address, and what it is called. */
export const EMBEDS = {all: 'All panels', graph: 'The graph', circuit: 'The circuit'};

/** The address of this page with a state. @param {string | null} embed one of EMBEDS, or null for the whole page */
export function address(location, state, embed = null) {
  return `${location.origin}${location.pathname}#${encode({...state, embed})}`;
}

export function frame(url) {
  const quoted = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return `<iframe src="${quoted}" width="100%" height="640" style="border:0" title="Attribution graph"></iframe>`;
}

/** The window with what can be copied. notice(text) tells that something was. */
export function share(state, notice) {
  return modal(
    'Share',
    () => {
      const copied = (label, id, text, rows) => {
        const field = h('textarea', {
          id,
          readonly: true,
          rows,
          spellcheck: 'false',
          value: text(),
          onfocus: () => field.select(),
        });
        const copy = async () => {
          field.select();
          try {
            await navigator.clipboard.writeText(field.value);
            notice('Copied');
          } catch {
            document.execCommand('copy');
          }
        };
        return {
          field,
          element: h(
            'div',
            {class: 'copy-row'},
            h('label', {class: 'field grow', for: id}, h('span', {}, label), field),
            h('button', {class: 'small', 'aria-label': `Copy: ${label}`, onclick: copy}, 'Copy'),
          ),
        };
      };
      const kind = h(
        'select',
        {id: 'share-embed', onchange: () => (code.field.value = frame(address(location, state, kind.value)))},
        Object.entries(EMBEDS).map(([value, text]) => h('option', {value}, text)),
      );
      const link = copied(
        'Link to this view, for those who reach this server',
        'share-link',
        () => address(location, state),
        3,
      );
      const code = copied('HTML of a frame', 'share-frame', () => frame(address(location, state, kind.value)), 4);
      return h(
        'div',
        {class: 'modal-body'},
        link.element,
        h('label', {class: 'field'}, h('span', {}, 'In a notebook or a page'), kind),
        code.element,
        h(
          'p',
          {class: 'muted'},
          'Frames of other hosts are shown only if the server was started with --frame-ancestors.',
        ),
      );
    },
    'wide',
  );
}
