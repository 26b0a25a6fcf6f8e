// The windows in front of the page: choosing a graph, making one, settling a conflict.

import {h, fill, icon} from './dom.js';
import {bytes, count, date, slug, token} from './format.js';

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

/** Resolves with the name of the new graph, or null. */
export function newGraph(source, models) {
  return modal(
    'New graph',
    (close, dialog) => {
      if (models.length === 0) {
        return h(
          'div',
          {class: 'modal-body empty'},
          h('p', {}, 'This explorer runs without a live model.'),
          h('p', {class: 'muted'}, 'Start it with a model to trace prompts from here.'),
        );
      }
      const body = h('div', {class: 'modal-body'});
      let model = models[0],
        chat = false,
        named = false,
        abort = null,
        timer;
      const text = h('textarea', {
        id: 'new-prompt',
        rows: 3,
        'aria-label': 'Prompt',
        placeholder: 'The prompt; the graph explains the token that follows it',
        oninput: () => changed(),
      });
      const turns = h('div', {class: 'turns'});
      const name = h('input', {
        id: 'new-name',
        maxlength: 128,
        pattern: '[A-Za-z0-9_\\-][A-Za-z0-9_.\\-]*',
        autocomplete: 'off',
        spellcheck: 'false',
        oninput: () => {
          named = true;
        },
      });
      const preview = h('p', {class: 'tokens muted', 'aria-live': 'polite'});
      const failure = h('p', {class: 'failure', role: 'alert', hidden: true});
      const transcoders = h('select', {id: 'new-transcoders'});
      const modelSelect = h(
        'select',
        {
          id: 'new-model',
          onchange: () => {
            model = models.find(m => m.id === modelSelect.value);
            pick();
          },
        },
        models.map(m => h('option', {value: m.id}, m.label)),
      );
      const examples = h('div', {class: 'chips', role: 'group', 'aria-label': 'Prompts to try'});
      const modes = h('div', {class: 'segmented', role: 'group', 'aria-label': 'Kind of prompt'});
      const option = (id, label, value, min, max, step) =>
        h(
          'label',
          {class: 'field'},
          h('span', {}, label),
          h('input', {id, type: 'number', value, min, max, step, required: true}),
        );
      const options = h(
        'details',
        {class: 'options'},
        h('summary', {}, 'Options'),
        h(
          'div',
          {class: 'fields'},
          option('new-logits', 'Outputs at most', 10, 1, 1000, 1),
          option('new-probability', 'Outputs cover', 0.95, 0, 1, 0.01),
          option('new-features', 'Features at most', 5000, 1, 200000, 1),
          option('new-nodes', 'Node threshold', 0.8, 0, 1, 0.01),
          option('new-edges', 'Edge threshold', 0.98, 0, 1, 0.01),
        ),
      );

      const turn = (role, content) => {
        const row = h(
          'div',
          {class: 'turn'},
          h(
            'select',
            {'aria-label': 'Role'},
            ['user', 'assistant', 'system'].map(r => h('option', {value: r, selected: r === role}, r)),
          ),
          h('textarea', {rows: 2, 'aria-label': 'What is said', value: content, oninput: () => changed()}),
          h(
            'button',
            {
              class: 'icon-button',
              'aria-label': 'Remove this turn',
              onclick: () => {
                row.remove();
                changed();
              },
            },
            icon('close'),
          ),
        );
        return row;
      };
      const prompt = () =>
        chat
          ? {
              turns: [...turns.querySelectorAll('.turn')].map(row => ({
                role: row.querySelector('select').value,
                content: row.querySelector('textarea').value,
              })),
            }
          : {text: text.value};
      const empty = () =>
        chat
          ? !turns.querySelector('.turn') ||
            [...turns.querySelectorAll('textarea')].every(area => area.value.trim() === '')
          : text.value.trim() === '';
      const changed = () => {
        const said = chat ? [...turns.querySelectorAll('textarea')].map(area => area.value).join(' ') : text.value;
        if (!named) name.value = slug(said);
        start.disabled = empty();
        clearTimeout(timer);
        timer = setTimeout(tokenize, 350);
      };
      const tokenize = async () => {
        if (empty()) return fill(preview);
        try {
          const result = await source.job('tokens', {model: model.id, prompt: prompt()});
          if (!result || !dialog.isConnected) return;
          const tooLong = result.tokens.length > model.maxTokens;
          fill(
            preview,
            result.tokens.slice(0, 400).map(t => h('span', {class: 'token'}, token(t))),
            h(
              'span',
              {class: tooLong ? 'failure' : ''},
              ` ${count(result.tokens.length)} of at most ${count(model.maxTokens)} tokens`,
            ),
          );
          start.disabled = tooLong;
        } catch (problem) {
          fill(preview, problem.message);
        }
      };
      const mode = wanted => {
        chat = wanted;
        fill(
          modes,
          h('button', {'aria-pressed': String(!chat), onclick: () => mode(false)}, 'Plain text'),
          h('button', {'aria-pressed': String(chat), onclick: () => mode(true)}, 'Conversation'),
        );
        modes.hidden = !model.chat;
        text.hidden = chat;
        turns.hidden = !chat;
        addTurn.hidden = !chat;
        examples.hidden = chat || model.prompts.length === 0;
        if (chat && !turns.querySelector('.turn')) turns.append(turn('user', text.value));
        changed();
      };
      const addTurn = h(
        'button',
        {
          class: 'small',
          onclick: () => {
            turns.append(turn(turns.querySelectorAll('.turn').length % 2 ? 'assistant' : 'user', ''));
            turns.lastElementChild.querySelector('textarea').focus();
          },
        },
        'Add a turn',
      );
      const pick = () => {
        fill(
          transcoders,
          model.transcoders.map(t => h('option', {value: t}, t)),
        );
        fill(
          examples,
          model.prompts.map(p =>
            h(
              'button',
              {
                class: 'chip',
                onclick: () => {
                  text.value = p;
                  named = false;
                  changed();
                },
              },
              p,
            ),
          ),
        );
        mode(chat && model.chat);
      };
      const start = h('button', {id: 'new-start', class: 'primary', disabled: true, onclick: () => trace()}, 'Trace');
      const form = h(
        'div',
        {class: 'new-graph'},
        h(
          'div',
          {class: 'fields'},
          h('label', {class: 'field grow'}, h('span', {}, 'Model'), modelSelect),
          h('label', {class: 'field grow'}, h('span', {}, 'Transcoders'), transcoders),
        ),
        modes,
        text,
        turns,
        addTurn,
        examples,
        preview,
        h('label', {class: 'field'}, h('span', {}, 'Name'), name),
        options,
        failure,
        h('div', {class: 'button-row end'}, h('button', {onclick: () => close(null)}, 'Cancel'), start),
      );

      const trace = async () => {
        failure.hidden = true;
        abort = new AbortController();
        const phase = h('p', {class: 'phase', role: 'status'}, 'Waiting for the model…');
        const bar = h('progress', {'aria-label': 'Progress of this phase'});
        fill(
          body,
          h(
            'div',
            {class: 'tracing'},
            h('p', {class: 'prompt'}, chat ? 'Conversation' : text.value),
            phase,
            bar,
            h('div', {class: 'button-row end'}, h('button', {onclick: () => abort.abort()}, 'Cancel')),
          ),
        );
        try {
          const result = await source.job(
            'attribute',
            {
              name: name.value,
              model: model.id,
              transcoders: transcoders.value,
              prompt: prompt(),
              maxLogits: options.querySelector('#new-logits').valueAsNumber,
              logitProbability: options.querySelector('#new-probability').valueAsNumber,
              maxFeatureNodes: options.querySelector('#new-features').valueAsNumber,
              nodeThreshold: options.querySelector('#new-nodes').valueAsNumber,
              edgeThreshold: options.querySelector('#new-edges').valueAsNumber,
            },
            status => {
              phase.textContent =
                status.state === 'QUEUED'
                  ? 'Waiting for the model…'
                  : `${status.phase || 'Starting'}${status.total > 0 ? `: ${count(status.done)} of ${count(status.total)}` : ''}`;
              if (status.total > 0) {
                bar.max = status.total;
                bar.value = status.done;
              } else bar.removeAttribute('value');
            },
            abort.signal,
          );
          if (result) return close(result.graph);
        } catch (problem) {
          failure.textContent = problem.message;
          failure.hidden = false;
        }
        fill(body, form);
      };
      dialog.addEventListener('close', () => abort?.abort());
      fill(body, form);
      pick();
      return body;
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
