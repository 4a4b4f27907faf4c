// Keeps an open page as things are, without loading it anew. The server says when something of it has changed; the page is then
// asked for again, and those of its parts that differ are put in their place. What somebody is writing stays.
'use strict';

(() => {
  const main = document.querySelector('main[data-live]');
  if (!main || !window.EventSource) return;

  const live = document.getElementById('live');
  const news = document.getElementById('news');
  const parts = () => document.querySelectorAll('[data-part]');

  // A form has a fresh id each time it is made, which is no difference.
  const text = part => part.innerHTML.replace(/(name="request_id" value=")[^"]*/g, '$1');
  const shown = new Map();
  for (const part of parts()) shown.set(part.dataset.part, text(part));

  const AGAIN_MS = 60000;
  const FIELDS = 'input:not([type=hidden]), textarea, select';
  const STOPS = 'a[href], button, summary, ' + FIELDS;

  const isWritten = field => field.tagName === 'SELECT'
    ? field.selectedIndex !== Math.max(0, [...field.options].findIndex(it => it.defaultSelected))
    : field.value !== field.defaultValue;
  const isBeingWritten = part => [...part.querySelectorAll(FIELDS)].some(isWritten);

  // What has the focus keeps it: the same link or button, or what has come into its place.
  const nameOf = it => it.getAttribute('href') || `${it.name} ${it.textContent}`;
  function keepingFocus(part, renew) {
    const had = part.contains(document.activeElement) ? document.activeElement : null;
    const at = had ? [...part.querySelectorAll(STOPS)].indexOf(had) : -1;
    renew();
    if (!had) return;
    const stops = [...part.querySelectorAll(STOPS)];
    const next = stops.find(it => nameOf(it) === nameOf(had)) || stops[Math.min(at, stops.length - 1)];
    (next || main).focus({ preventScroll: true });
  }

  // Says whether the part stays as it was because somebody is writing in it.
  function put(part, fresh) {
    const name = part.dataset.part, now = text(fresh);
    if (now === shown.get(name)) return false;
    if (isBeingWritten(part)) return true;
    const open = [...part.querySelectorAll('details')].map(it => it.open);
    const scrolled = [...part.querySelectorAll('.history, .wide')].map(it => [it.scrollLeft, it.scrollTop]);
    keepingFocus(part, () => part.replaceChildren(...fresh.childNodes));
    part.querySelectorAll('details').forEach((it, at) => { it.open = open[at] || false; });
    part.querySelectorAll('.history, .wide').forEach((it, at) => {
      if (scrolled[at]) [it.scrollLeft, it.scrollTop] = scrolled[at];
    });
    shown.set(name, now);
    return false;
  }

  let isAsking = false, isToAskAgain = false;
  async function renew() {
    if (isAsking) {
      isToAskAgain = true;
      return;
    }
    isAsking = true;
    try {
      // Says that nobody has opened the page: what a person is to be told once is left for the page that they open.
      const answer = await fetch(location.href, { headers: { 'consign-follows': '1' } });
      if (answer.redirected) {
        location.assign(answer.url);
      } else if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const fresh = new Map([...page.querySelectorAll('[data-part]')].map(it => [it.dataset.part, it]));
        const known = [...parts()].filter(it => fresh.has(it.dataset.part));
        news.hidden = !known.map(it => put(it, fresh.get(it.dataset.part))).includes(true);
      }
    } catch {
      // The server is away; the stream says when it is back.
    }
    isAsking = false;
    if (isToAskAgain) {
      isToAskAgain = false;
      renew();
    }
  }

  const link = new URL(main.dataset.live, location.href);
  let events = null, later = 0;
  function follow() {
    clearTimeout(later);
    close();
    events = new EventSource(link);
    // What the page shows is older when it is followed again.
    link.searchParams.delete('after');
    events.onopen = () => { live.textContent = ' This page follows what happens.'; };
    events.addEventListener('change', renew);
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      live.textContent = ' This page is made anew every minute.';
      later = setTimeout(follow, AGAIN_MS);
    };
  }

  function close() {
    if (events) events.close();
    events = null;
  }

  // Time passes without any event, too; and a field that is empty again keeps nothing back.
  setInterval(() => { if (!document.hidden) renew(); }, AGAIN_MS);
  document.addEventListener('change', () => { if (!news.hidden) renew(); });

  // A page that nobody sees holds no connection: browsers have six for a server.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      clearTimeout(later);
      close();
    } else {
      follow();
    }
  });
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', event => { if (event.persisted) follow(); });
  if (!document.hidden) follow();
})();
