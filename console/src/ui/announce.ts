// Two live regions that are in the page from the start: screen readers do not hear those that are added later.

let polite: HTMLElement | undefined;
let urgent: HTMLElement | undefined;

function region(level: 'polite' | 'assertive'): HTMLElement {
  const element = document.createElement('div');
  element.className = 'sr';
  element.setAttribute('aria-live', level);
  element.setAttribute('role', level === 'polite' ? 'status' : 'alert');
  document.body.append(element);
  return element;
}
export function startAnnouncing(): void {
  polite ??= region('polite');
  urgent ??= region('assertive');
}
/** Longest announcement, characters: nobody listens to more. */
const SAID_MAX = 300;
export function announce(text: string, isUrgent = false): void {
  const element = isUrgent ? urgent : polite;
  if (!element) return;
  // The same words twice are only read again if the text changes.
  const said = text.slice(0, SAID_MAX);
  element.textContent = element.textContent === said ? `${said} ` : said;
}
