// What is to be traced: plain text, or a conversation whose last turn may be the beginning of the model's own answer.

import {h, fill, icon} from './dom.js';

const ROLES = ['user', 'assistant', 'system'];

export class PromptFields {
  chat = false;

  /** @param onChange called when something was typed or chosen */
  constructor(onChange) {
    this.onChange = onChange;
    this.text = h('textarea', {
      id: 'new-prompt',
      rows: 3,
      'aria-label': 'Prompt',
      placeholder: 'The prompt; the graph explains the token that follows it',
      oninput: onChange,
    });
    this.turns = h('div', {class: 'turns'});
    this.examples = h('div', {class: 'chips', role: 'group', 'aria-label': 'Prompts to try', tabindex: 0});
    this.modes = h('div', {class: 'segmented', role: 'group', 'aria-label': 'Kind of prompt'});
    this.hint = h(
      'p',
      {class: 'muted', hidden: true},
      'The answer begins with the last turn: the graph explains the token that follows it.',
    );
    this.thinking = h(
      'select',
      {id: 'new-thinking', onchange: onChange},
      Object.entries({'': 'as the template has it', on: 'on', off: 'off'}).map(([value, text]) =>
        h('option', {value}, text),
      ),
    );
    this.variables = h('input', {
      id: 'new-template-options',
      placeholder: 'name=value, another=true',
      autocomplete: 'off',
      spellcheck: 'false',
      oninput: onChange,
    });
    this.template = h(
      'div',
      {class: 'fields', hidden: true},
      h('label', {class: 'field'}, h('span', {}, 'Thinking'), this.thinking),
      h('label', {class: 'field grow'}, h('span', {}, 'Template options'), this.variables),
    );
    this.add = h('button', {class: 'small', onclick: () => this.addTurn()}, 'Add a turn');
    this.element = h(
      'div',
      {class: 'prompt-fields'},
      this.modes,
      this.text,
      this.turns,
      this.hint,
      this.add,
      this.template,
      this.examples,
    );
  }

  /** Shows what goes with a model: its examples, and whether it can talk. */
  offer(model) {
    this.model = model;
    fill(
      this.examples,
      model.prompts.map(prompt =>
        h(
          'button',
          {
            class: 'chip',
            onclick: () => {
              this.text.value = prompt;
              this.onChange();
            },
          },
          prompt,
        ),
      ),
    );
    this.mode(this.chat && model.chat);
  }

  mode(chat) {
    this.chat = chat;
    const button = (text, on, wanted) =>
      h('button', {'aria-pressed': String(on), onclick: () => this.choose(wanted)}, text);
    fill(this.modes, button('Plain text', !chat, false), button('Conversation', chat, true));
    this.modes.hidden = !this.model.chat;
    this.text.hidden = chat;
    this.turns.hidden = this.add.hidden = this.template.hidden = !chat;
    this.examples.hidden = chat || this.model.prompts.length === 0;
    if (chat && this.rows().length === 0) this.turns.append(this.turn('user', this.text.value));
    this.look();
  }

  choose(chat) {
    this.mode(chat);
    this.onChange();
  }

  /** @param prompt as value() gives it */
  set(prompt) {
    this.text.value = prompt.text ?? '';
    this.chat = prompt.turns !== undefined;
    this.thinking.value = prompt.thinking === undefined ? '' : prompt.thinking ? 'on' : 'off';
    this.variables.value = Object.entries(prompt.options ?? {})
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(', ');
    if (this.chat)
      fill(
        this.turns,
        prompt.turns.map(({role, content}) => this.turn(role, content)),
      );
  }

  turn(role, content) {
    const changed = () => {
      this.look();
      this.onChange();
    };
    const remove = () => {
      row.remove();
      changed();
    };
    const row = h(
      'div',
      {class: 'turn'},
      h(
        'select',
        {'aria-label': 'Role', onchange: changed},
        ROLES.map(each => h('option', {value: each, selected: each === role}, each)),
      ),
      h('textarea', {rows: 2, 'aria-label': 'What is said', value: content, oninput: changed}),
      h('button', {class: 'icon-button', 'aria-label': 'Remove this turn', onclick: remove}, icon('close')),
    );
    return row;
  }

  addTurn() {
    const last = this.all().at(-1);
    this.turns.append(this.turn(last?.role === 'user' ? 'assistant' : 'user', ''));
    this.turns.lastElementChild.querySelector('textarea').focus();
    this.look();
    this.onChange();
  }

  look() {
    const last = this.all().at(-1);
    this.hint.hidden = !this.chat || last?.role !== 'assistant' || last.content === '';
  }

  rows() {
    return [...this.turns.querySelectorAll('.turn')];
  }

  all() {
    return this.rows().map(row => ({
      role: row.querySelector('select').value,
      content: row.querySelector('textarea').value,
    }));
  }

  /** As the server takes it; an empty answer at the end is none yet. */
  value() {
    if (!this.chat) return {text: this.text.value};
    const turns = this.all();
    const last = turns.at(-1);
    const options = templateOptions(this.variables.value);
    return {
      turns: turns.length > 1 && last.role === 'assistant' && last.content === '' ? turns.slice(0, -1) : turns,
      ...(this.thinking.value ? {thinking: this.thinking.value === 'on'} : {}),
      ...(Object.keys(options).length ? {options} : {}),
    };
  }

  /** All that is said, for a name. */
  said() {
    return this.chat
      ? this.all()
          .map(turn => turn.content)
          .join(' ')
      : this.text.value;
  }

  /** The text that the next token follows; nothing where a template stands between. */
  last() {
    const last = this.all().at(-1);
    return this.chat ? (last?.role === 'assistant' ? last.content : '') : this.text.value;
  }

  title() {
    return this.chat ? 'Conversation' : this.text.value;
  }

  empty() {
    return this.said().trim() === '';
  }
}

/** "name=value, another=true" as an object; a value is JSON, or else a text. */
export function templateOptions(text) {
  const options = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at < 0) continue;
    const value = part.slice(at + 1).trim();
    try {
      options[part.slice(0, at).trim()] = JSON.parse(value);
    } catch {
      options[part.slice(0, at).trim()] = value;
    }
  }
  return options;
}
