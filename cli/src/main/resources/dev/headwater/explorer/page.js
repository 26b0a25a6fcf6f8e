// The page's frame: its theme and the sizes of its panels, both remembered in this browser.

import {forgetColours} from './palette.js';

const THEMES = ['auto', 'light', 'dark'];

function remember(key, value) {
  try {
    localStorage.setItem('headwater-' + key, value);
  } catch {
    // A browser that keeps nothing.
  }
}

function recall(key) {
  try {
    return localStorage.getItem('headwater-' + key);
  } catch {
    return null;
  }
}

export function currentTheme() {
  return THEMES.includes(recall('theme')) ? recall('theme') : 'auto';
}

/** Light or dark, as chosen or as the system has it. */
export function applyTheme() {
  const theme = currentTheme();
  const dark = theme === 'dark' || (theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  forgetColours();
}

export function nextTheme() {
  const dark = document.documentElement.dataset.theme === 'dark';
  remember('theme', dark ? 'light' : 'dark');
  applyTheme();
}

/**
 * Bars between panels: drag them, or move them with the arrow keys.
 *
 * @return what moves one, named as its data-split, unless somebody has moved it
 */
export function splitters(bars, main) {
  const setters = {};
  for (const bar of bars) {
    const vertical = bar.dataset.split === 'column';
    const [low, high] = [Number(bar.getAttribute('aria-valuemin')), Number(bar.getAttribute('aria-valuemax'))];
    const show = value => {
      const v = Math.round(Math.max(low, Math.min(high, value)));
      bar.setAttribute('aria-valuenow', v);
      main.style.setProperty(vertical ? '--right' : '--upper', vertical ? `${v}fr` : `${v}fr`);
      main.style.setProperty(vertical ? '--left' : '--lower', `${100 - v}fr`);
      return v;
    };
    const set = value => remember('split-' + bar.dataset.split, show(value));
    show(Number(recall('split-' + bar.dataset.split)) || Number(bar.getAttribute('aria-valuenow')));
    setters[bar.dataset.split] = value => recall('split-' + bar.dataset.split) || show(value);
    bar.addEventListener('pointerdown', event => {
      event.preventDefault();
      bar.setPointerCapture(event.pointerId);
      const move = at => {
        const box = main.getBoundingClientRect();
        set(vertical ? ((box.right - at.clientX) / box.width) * 100 : ((at.clientY - box.top) / box.height) * 100);
      };
      bar.addEventListener('pointermove', move);
      bar.addEventListener('pointerup', () => bar.removeEventListener('pointermove', move), {once: true});
    });
    bar.addEventListener('keydown', event => {
      const step = {
        ArrowLeft: vertical ? 2 : 0,
        ArrowRight: vertical ? -2 : 0,
        ArrowUp: vertical ? 0 : -2,
        ArrowDown: vertical ? 0 : 2,
      }[event.key];
      if (!step) return;
      set(Number(bar.getAttribute('aria-valuenow')) + step);
      event.preventDefault();
    });
  }
  return (split, value) => setters[split](value);
}

const EMBEDDED = {graph: 'graph-panel', circuit: 'subgraph-panel'};

/** Lets one panel fill the window. @param full the panel's id or null; embed: what a frame shows, or null for the whole page */
export function showPanels(full, embed) {
  const panel = full ?? EMBEDDED[embed] ?? null;
  document.body.classList.toggle('embedded', embed !== null);
  document.body.classList.toggle('solo', panel !== null);
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.workspace > .panel'))) {
    each.classList.toggle('full', each.id === panel);
    const button = /** @type {HTMLElement} */ (each.querySelector('.full-button'));
    button.setAttribute('aria-pressed', String(each.id === full));
    button.title = each.id === full ? 'Show all panels (Esc)' : 'Fill the window';
    button.setAttribute('aria-label', `${button.title}: ${each.dataset.name}`);
  }
}
