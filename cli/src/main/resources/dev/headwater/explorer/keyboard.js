// Shortcuts that work wherever the focus is.

const typing = target =>
  target.matches?.('input:not([type=range]):not([type=checkbox]), textarea, select') || target.closest?.('dialog');

/** @param actions what the keys do: undo, redo, search, group, endGroup, pin, escape, keys; ready(): whether there is a graph */
export function listen(actions) {
  addEventListener('keydown', event => {
    const ctrl = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const does = action => {
      action();
      event.preventDefault();
    };
    if (ctrl && key === 'z' && !typing(event.target)) does(event.shiftKey ? actions.redo : actions.undo);
    else if (ctrl && key === 'y' && !typing(event.target)) does(actions.redo);
    else if (ctrl && key === 'k') does(actions.search);
    else if (ctrl || event.altKey || typing(event.target) || event.defaultPrevented || !actions.ready()) return;
    else if (key === '/') does(actions.search);
    else if (key === 'g' && !event.repeat) actions.group();
    else if (key === 'p') actions.pin();
    else if (event.key === 'Escape') actions.escape();
    else if (event.key === '?') actions.keys();
  });
  addEventListener('keyup', event => {
    if (event.key.toLowerCase() === 'g') actions.endGroup();
  });
}

/** Tabs that arrow keys change. */
export function tabs(buttons, choose) {
  buttons.forEach((button, i) => {
    button.addEventListener('click', () => choose(i));
    button.addEventListener('keydown', event => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!step) return;
      const next = (i + step + buttons.length) % buttons.length;
      choose(next);
      buttons[next].focus();
    });
  });
}
