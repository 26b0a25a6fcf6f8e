// The window of circuits that are kept with a graph: name, show again, overwrite, forget.

import {forget, keep, recall} from './annotations.js';
import {modal} from './dialogs.js';
import {h, fill} from './dom.js';
import {count} from './format.js';
import {share} from './numbers.js';

/** @param {import('./store.js').Store} store where the annotations are */
export function circuits(store) {
  const keepAs = key => store.annotate(`Keep ${key}`, a => keep(a, key));
  return modal('Circuits of this graph', close => {
    const list = h('div', {});
    const name = h('input', {
      id: 'circuit-name',
      maxlength: 80,
      placeholder: 'Name',
      autocomplete: 'off',
      oninput: () => (button.disabled = name.value.trim() === ''),
    });
    const button = h(
      'button',
      {
        id: 'circuit-keep',
        class: 'primary',
        disabled: true,
        onclick: () => {
          keepAs(name.value.trim());
          name.value = '';
          button.disabled = true;
          show();
        },
      },
      'Keep',
    );
    const judged = numbers =>
      numbers
        ? `, necessity ${share(numbers.circuit.taken.necessity)}, sufficiency ${share(numbers.circuit.taken.sufficiency)}`
        : '';
    const row = ([key, {pinned, groups, numbers}]) =>
      h(
        'li',
        {class: 'circuit-row'},
        h(
          'div',
          {class: 'grow'},
          h('strong', {}, key),
          h(
            'span',
            {class: 'muted'},
            ` ${count(pinned.length)} nodes, ${count(groups.length)} groups${judged(numbers)}`,
          ),
        ),
        h(
          'button',
          {
            class: 'small',
            onclick: () => {
              store.annotate(`Show ${key}`, a => recall(a, key));
              close(key);
            },
          },
          'Show',
        ),
        h(
          'button',
          {
            class: 'small',
            title: 'Keep what is pinned now under this name',
            onclick: () => (keepAs(key), show()),
          },
          'Overwrite',
        ),
        h(
          'button',
          {
            class: 'small',
            'aria-label': `Forget ${key}`,
            onclick: () => (store.annotate(`Forget ${key}`, a => forget(a, key)), show()),
          },
          'Forget',
        ),
      );
    const show = () => {
      const kept = Object.entries(store.state.annotations.circuits);
      fill(
        list,
        kept.length
          ? h('ul', {class: 'plain'}, kept.map(row))
          : h('p', {class: 'muted'}, 'None is kept yet. Keep the one that is pinned now, then begin another.'),
      );
    };
    show();
    const pinned = store.state.annotations.pinned.length;
    return h(
      'div',
      {class: 'modal-body'},
      list,
      pinned
        ? h(
            'div',
            {class: 'foot-row'},
            h('label', {class: 'field grow'}, h('span', {}, `Keep the ${count(pinned)} pinned nodes as`), name),
            button,
          )
        : null,
    );
  });
}
