// Numbers, times and names as people read them.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(n) {
  if (n === null || n === undefined) return "–";
  const power = n < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

/** A length on a film: 4 s is 0:04. */
export function clock(ms) {
  const s = Math.round(ms / 1000);
  const parts = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, n) => (n ? String(part).padStart(2, "0") : part)).join(":");
}

/** A span: 0.4 s, 12 s, 3 min, 5 h, 2 d. */
export function span(seconds) {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function took(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : span(ms / 1000);
}

function ago(moment) {
  const seconds = Math.max(0, (Date.now() - moment.getTime()) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 86_400) return `${span(Math.round(seconds))} ago`;
  return moment.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

/** A <time> that stays right while the page is open. */
export function when(text) {
  const made = document.createElement("time");
  made.dateTime = text;
  made.textContent = ago(new Date(text));
  made.title = new Date(text).toLocaleString();
  return made;
}

setInterval(() => {
  for (const one of document.querySelectorAll("time[datetime]")) one.textContent = ago(new Date(one.dateTime));
}, 15_000);

/** A task in two or three words: "transcode, 480 px". */
export function taskName(operation, parameters) {
  const size = parameters.short_side_px ?? parameters.longest_edge_px;
  return size === undefined ? operation : `${operation}, ${size} px`;
}

export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
