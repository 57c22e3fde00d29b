// What this browser remembers of uploads under way, so that they go on after a reload. A file is known by name, size and time.

const KEY = "darkroom.uploads";
const DAY_MS = 86_400_000;

export const fingerprint = (file) => `${file.name}|${file.size}|${file.lastModified}`;

function read() {
  try {
    const all = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return Object.fromEntries(Object.entries(all).filter(([, one]) => Date.now() - one.at < DAY_MS));
  } catch {
    return {};
  }
}

const write = (all) => localStorage.setItem(KEY, JSON.stringify(all));

/** Every upload that was begun here and has not ended: `{mark, upload_id, name, size, at}`. */
export const remembered = () => Object.entries(read()).map(([mark, one]) => ({ mark, ...one }));

export function recall(file) {
  return read()[fingerprint(file)]?.upload_id ?? null;
}

export function remember(file, upload_id) {
  write({ ...read(), [fingerprint(file)]: { upload_id, name: file.name, size: file.size, at: Date.now() } });
}

export function forget(mark) {
  const { [mark]: _, ...rest } = read();
  write(rest);
}
