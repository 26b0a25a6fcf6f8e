// Beside the diagram: everything that can be done with what is marked in it, as ordinary controls.

import {fill, h, refill} from './dom.js';
import {COLOURS} from './annotations.js';
import {glyph} from './connections-view.js';
import {name, place} from './naming.js';
import {suggestions} from './suggest.js';

export class Inspector {
  /** actions: group(), groupAs(ids, label), ungroup(id), rename(id, text), label(node, text), colour(id, colour), leave(node id), unpin(ids), select(id) */
  constructor(host, actions) {
    this.host = host;
    this.actions = actions;
  }

  update({graph, annotations}, items) {
    const about = items.map(item => item.id).join('\n');
    const put = this.about === about ? refill : fill;
    this.about = about;
    put(
      this.host,
      items.length === 0
        ? this.overview(graph, annotations)
        : items.length === 1
          ? this.single(items[0], graph, annotations)
          : this.several(items),
    );
  }

  overview(graph, annotations) {
    const proposals = suggestions(graph, annotations);
    return [
      h(
        'p',
        {class: 'muted'},
        annotations.pinned.length === 0 ? '' : 'Click a box to name, colour or group it; hold ',
        annotations.pinned.length === 0 ? '' : h('kbd', {}, 'G'),
        annotations.pinned.length === 0 ? '' : ' and click several to group them.',
      ),
      proposals.length ? h('h3', {}, 'Suggested groups') : null,
      h(
        'ul',
        {class: 'suggestions'},
        proposals.map(proposal =>
          h(
            'li',
            {},
            h(
              'div',
              {},
              h('strong', {}, proposal.label),
              h('span', {class: 'muted'}, ` ${proposal.ids.length} features, ${proposal.reason}`),
            ),
            h('button', {class: 'small', onclick: () => this.actions.groupAs(proposal.ids, proposal.label)}, 'Group'),
          ),
        ),
      ),
    ];
  }

  single(item, graph, annotations) {
    const {group, members} = item;
    const labelled = group || members[0].isFeature;
    const input = labelled
      ? h('input', {
          id: 'box-name',
          class: 'label-input',
          value: item.label,
          maxlength: 200,
          'aria-label': group ? 'Name of the group' : 'Label of the feature',
          autocomplete: 'off',
          spellcheck: 'false',
          onkeydown: event => {
            if (event.key === 'Enter') input.blur();
            event.stopPropagation();
          },
          onchange: () =>
            input.value.trim() &&
            (group
              ? this.actions.rename(item.id, input.value.trim())
              : this.actions.label(members[0], input.value.trim())),
        })
      : h('h3', {}, item.label);
    return [
      input,
      h('p', {class: 'muted'}, group ? item.detail : place(members[0], graph)),
      group
        ? h(
            'div',
            {class: 'swatches', role: 'group', 'aria-label': 'Colour of the group'},
            COLOURS.map(colour =>
              h('button', {
                id: 'colour-' + colour,
                class: 'swatch group-' + colour,
                'aria-pressed': String(group.colour === colour),
                'aria-label': colour,
                title: colour,
                onclick: () => this.actions.colour(item.id, colour),
              }),
            ),
          )
        : null,
      group
        ? h(
            'ul',
            {class: 'members'},
            members.map(node =>
              h(
                'li',
                {},
                h(
                  'button',
                  {class: 'row', onclick: () => this.actions.select(node.id)},
                  glyph(node),
                  h('span', {class: 'row-name'}, name(node, annotations)),
                  h('span', {class: 'muted'}, node.layer >= 0 ? 'L' + node.layer : ''),
                ),
                h(
                  'button',
                  {
                    class: 'small quiet',
                    'aria-label': `Take ${name(node, annotations)} out of the group`,
                    title: 'Take out of the group',
                    onclick: () => this.actions.leave(node.id),
                  },
                  '×',
                ),
              ),
            ),
          )
        : null,
      h(
        'div',
        {class: 'button-row'},
        group ? h('button', {class: 'small', onclick: () => this.actions.ungroup(item.id)}, 'Ungroup') : null,
        h(
          'button',
          {class: 'small', onclick: () => this.actions.unpin(members.map(node => node.id))},
          members.length > 1 ? 'Unpin all' : 'Unpin',
        ),
      ),
    ];
  }

  several(items) {
    return [
      h('h3', {}, `${items.length} boxes marked`),
      h(
        'ul',
        {class: 'plain'},
        items.map(item => h('li', {}, item.label, h('span', {class: 'muted'}, ' ' + item.detail))),
      ),
      h(
        'div',
        {class: 'button-row'},
        h('button', {class: 'small primary', onclick: () => this.actions.group()}, 'Group them'),
        h(
          'button',
          {class: 'small', onclick: () => this.actions.unpin(items.flatMap(item => item.members.map(node => node.id)))},
          'Unpin',
        ),
      ),
    ];
  }

  /** Puts the cursor into the name. */
  editName() {
    const input = this.host.querySelector('#box-name');
    input?.focus();
    input?.select();
  }
}
