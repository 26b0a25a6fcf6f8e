// The windows in front of the page: choosing a graph, making one, settling a conflict.

import {h, fill, icon} from './dom.js';
import {bytes, count, date} from './format.js';

/** A modal window; Escape and the button close it. resolve() is called with what close(value) was given, or null. */
export function modal(title, build, className = '') {
  return new Promise(resolve => {
    const opener = /** @type {HTMLElement} */ (document.activeElement);
    let value = null;
    const close = result => {
      value = result;
      dialog.close();
    };
    const dialog = h(
      'dialog',
      {
        class: 'modal ' + className,
        'aria-labelledby': 'modal-title',
        onclose: () => {
          dialog.remove();
          opener?.isConnected && opener.focus();
          resolve(value);
        },
      },
      h(
        'header',
        {class: 'modal-head'},
        h('h2', {id: 'modal-title'}, title),
        h('button', {class: 'icon-button', 'aria-label': 'Close', onclick: () => close(null)}, icon('close')),
      ),
    );
    dialog.append(build(close, dialog));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Resolves with the name of the graph to open, or null. source: where graphs are; canCreate: whether "New graph" makes sense */
export function chooseGraph(source, current, title = 'Graphs') {
  return modal(
    title,
    (close, dialog) => {
      const list = h('div', {class: 'graph-list'}, h('p', {class: 'loading', role: 'status'}, 'Looking for graphs…'));
      const status = h('p', {class: 'failure', role: 'alert', hidden: true});
      const complain = failure => {
        status.textContent = failure?.message ?? '';
        status.hidden = !failure;
      };
      const filter = h('input', {
        type: 'search',
        class: 'filter',
        placeholder: 'Filter by name or prompt',
        'aria-label': 'Filter the graphs',
        oninput: () => show(),
      });
      let graphs = [];
      const show = () => {
        const q = filter.value.trim().toLowerCase();
        const kept = graphs.filter(graph =>
          (graph.name + ' ' + graph.prompt + ' ' + graph.scan).toLowerCase().includes(q),
        );
        fill(
          list,
          kept.length === 0
            ? h(
                'div',
                {class: 'empty small'},
                h('p', {}, graphs.length === 0 ? 'There are no graphs here yet.' : 'No graph matches.'),
                graphs.length === 0
                  ? h('p', {class: 'muted'}, 'Upload a graph file, or trace a prompt with New graph.')
                  : null,
              )
            : h(
                'ul',
                {class: 'graphs'},
                kept.map(graph =>
                  h(
                    'li',
                    {class: graph.name === current ? 'current' : null},
                    h(
                      'button',
                      {
                        class: 'graph-entry',
                        disabled: graph.problem !== null,
                        'aria-current': graph.name === current ? 'true' : null,
                        onclick: () => close(graph.name),
                      },
                      h('strong', {}, graph.name),
                      h('span', {class: 'prompt'}, graph.problem ?? graph.prompt),
                      h(
                        'span',
                        {class: 'muted meta'},
                        `${graph.scan || '–'} · ${count(graph.promptTokens.length)} tokens · ${bytes(graph.bytes)} · ${date(graph.modified)}`,
                      ),
                    ),
                    h(
                      'button',
                      {
                        class: 'icon-button',
                        'aria-label': `Delete ${graph.name}`,
                        title: 'Delete',
                        onclick: event => confirmDelete(graph, event.currentTarget),
                      },
                      icon('trash'),
                    ),
                  ),
                ),
              ),
        );
      };
      const load = async () => {
        try {
          graphs = await source.list();
          show();
        } catch (failure) {
          fill(list);
          complain(failure);
        }
      };
      const confirmDelete = (graph, button) => {
        const line = button.parentElement;
        const sure = h(
          'div',
          {class: 'confirm', role: 'alertdialog', 'aria-label': `Delete ${graph.name}?`},
          h('span', {}, `Delete ${graph.name}?`),
          h(
            'button',
            {
              class: 'small danger',
              onclick: async () => {
                try {
                  await source.remove(graph.name);
                  complain(null);
                } catch (failure) {
                  complain(failure);
                }
                await load();
              },
            },
            'Delete',
          ),
          h('button', {class: 'small', onclick: () => sure.remove()}, 'Keep'),
        );
        line.append(sure);
        sure.querySelector('button').focus();
      };
      const file = h('input', {
        type: 'file',
        accept: '.json,application/json',
        class: 'sr-only',
        id: 'upload-file',
        'aria-label': 'Upload a graph file',
        onchange: async () => {
          const [chosen] = file.files;
          if (!chosen) return;
          const name =
            chosen.name
              .replace(/\.json$/i, '')
              .replace(/[^A-Za-z0-9_.-]+/g, '-')
              .replace(/^[.]+/, '')
              .slice(0, 128) || 'graph';
          try {
            await source.upload(name, chosen);
            complain(null);
            close(name);
          } catch (failure) {
            complain(failure);
            file.value = '';
          }
        },
      });
      load();
      queueMicrotask(() => dialog.isConnected && filter.focus());
      return h(
        'div',
        {class: 'modal-body'},
        h(
          'div',
          {class: 'list-head'},
          filter,
          h('label', {class: 'button', for: 'upload-file'}, icon('up'), 'Upload'),
          file,
        ),
        status,
        list,
      );
    },
    'wide',
  );
}

/** Somebody else saved first. Resolves with 'theirs', 'mine' or null. */
export function conflict() {
  return modal('Somebody else saved this graph', close =>
    h(
      'div',
      {class: 'modal-body'},
      h(
        'p',
        {},
        'Its annotations have changed on the server since you read them: in another tab, perhaps, or on another computer.',
      ),
      h(
        'div',
        {class: 'button-row end'},
        h('button', {onclick: () => close('theirs')}, 'Take theirs'),
        h('button', {class: 'primary', onclick: () => close('mine')}, 'Keep mine'),
      ),
    ),
  );
}

/** What the keyboard can do. */
export function keys() {
  const rows = [
    ['/', 'Search'],
    ['Ctrl Z, Ctrl Shift Z', 'Undo, redo'],
    ['P', 'Pin or unpin the selected node'],
    ['Double-click, Ctrl-click', 'Pin or unpin a node'],
    ['G', 'Hold, click boxes of the diagram, release: group them'],
    ['Esc', 'Select nothing'],
    ['Arrows, Enter', 'Move between nodes, select (in the graph)'],
    ['+ − 0', 'Zoom in, zoom out, show everything'],
    ['Wheel, Shift-wheel', 'Zoom across, scroll across'],
    ['M, Delete, F2', 'Mark, unpin, rename a box of the diagram'],
    ['?', 'This list'],
  ];
  return modal('Keyboard', () =>
    h(
      'div',
      {class: 'modal-body'},
      h(
        'dl',
        {class: 'keys'},
        rows.map(([key, what]) =>
          h(
            'div',
            {},
            h(
              'dt',
              {},
              key.split(', ').map((k, i) => [i ? ' ' : '', h('kbd', {}, k)]),
            ),
            h('dd', {}, what),
          ),
        ),
      ),
    ),
  );
}
