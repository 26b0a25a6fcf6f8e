// A line at the bottom of the page that says what has happened, for a while.

const SHORT = 2500,
  MIDDLE = 5000,
  LONG = 8000; // milliseconds
const LINE = 60; // characters that are read in a moment
let timer;

export function notice(text, failure = false) {
  const box = document.getElementById('notice');
  box.textContent = text;
  box.className = 'notice shown' + (failure ? ' failure' : '');
  clearTimeout(timer);
  timer = setTimeout(() => (box.className = 'notice'), failure ? LONG : text.length > LINE ? MIDDLE : SHORT);
}
