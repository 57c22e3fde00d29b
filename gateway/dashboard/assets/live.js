// What is new, live: one stream from the gateway, handed on as events of `bus`: hello, job, media, deleted, stats.

export const bus = new EventTarget();
export const on = (kind, listener) => bus.addEventListener(kind, (event) => listener(event.detail));
export const tell = (kind, detail) => bus.dispatchEvent(new CustomEvent(kind, { detail }));

const AGAIN_MS = 3000;
const HIDDEN_MS = 60_000;
let source = null;
let hidden = 0;

function open() {
  source = new EventSource("/events");
  for (const kind of ["hello", "job", "media", "deleted", "stats"]) {
    source.addEventListener(kind, (event) => tell(kind, JSON.parse(event.data)));
  }
  source.addEventListener("hello", () => tell("connection", "on"));
  source.addEventListener("error", () => {
    tell("connection", "off");
    if (source?.readyState !== EventSource.CLOSED) return; // the browser comes again by itself
    source = null;
    setTimeout(() => source ?? open(), AGAIN_MS);
  });
}

/** Follows from now on; not while the page has been out of sight for a minute. */
export function follow() {
  open();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (!document.hidden) {
      if (source === null) open();
      return;
    }
    hidden = setTimeout(() => {
      source?.close();
      source = null;
    }, HIDDEN_MS);
  });
}
