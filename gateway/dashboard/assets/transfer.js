// One file to the object store, by the gateway's grant: in one POST, or in parts. A broken connection is waited out, and the file goes on
// from what the store has.

import { call, get, post, Problem } from "./api.js";
import { recall, remember } from "./memory.js";

const IN_PARTS_ABOVE_BYTES = 16 * 2 ** 20;
const PARTS_AT_ONCE = 3;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const RUN_OUT = 410; // what the store says 403 to: a fresh grant does better
const TAKEN = /^(image|video|audio)\//;

/** Brings a file to the store.
 *
 * @param operations names, or an empty list for none.
 * @param report called with `{sent, waiting, media_id}`: bytes sent so far; whether the connection is broken.
 * @param signal an AbortSignal.
 * @returns the media's id.
 */
export async function transfer(file, operations, report, signal) {
  let grant = null;
  for (let wait_ms = FIRST_WAIT_MS; ; wait_ms = Math.min(LONGEST_WAIT_MS, wait_ms * 2)) {
    try {
      grant = await standing(file, operations, grant);
      report({ media_id: grant.media_id, upload_id: grant.upload_id, waiting: false });
      if (grant.state === "completed") return grant.media_id;
      const before = grant;
      if (grant.parts_done) await sendParts(file, grant, report, signal, () => (wait_ms = FIRST_WAIT_MS));
      else await sendWhole(file, grant, report, signal);
      if (!before.parts_done) return grant.media_id;
    } catch (error) {
      signal.throwIfAborted();
      if (!passing(error)) throw error;
      report({ waiting: error.status === 0 ? "broken" : error.message });
      await pause(wait_ms, signal);
      continue;
    }
  }
}

/** How far the file is: a fresh grant, or the one that this browser has had for it, as it stands now. */
async function standing(file, operations, grant) {
  const upload_id = grant?.upload_id ?? recall(file);
  if (upload_id) {
    try {
      const found = await get(`/uploads/${upload_id}`);
      if (found.state !== "expired") return found;
    } catch (error) {
      if (![404, 410].includes(error.status)) throw error;
    }
  }
  const wanted = { filename: file.name, content_type: TAKEN.test(file.type) ? file.type : "application/octet-stream", bytes: file.size, multipart: file.size > IN_PARTS_ABOVE_BYTES };
  const made = await post(`/uploads?operations=${operations.join(",") || "none"}`, wanted);
  remember(file, made.upload_id);
  return { state: "open", ...made };
}

async function sendWhole(file, grant, report, signal) {
  if (!grant.url) throw new Problem(RUN_OUT, "The grant has run out.");
  const form = new FormData();
  for (const [name, value] of Object.entries(grant.fields)) form.append(name, value);
  form.append("file", file);
  await send("POST", grant.url, form, (sent) => report({ sent: Math.min(sent, file.size) }), signal);
}

async function sendParts(file, grant, report, signal, progressed) {
  const under_way = new Map();
  let stored = grant.parts_done.reduce((sum, part) => sum + part.bytes, 0);
  const tell = () => report({ sent: stored + [...under_way.values()].reduce((sum, n) => sum + n, 0) });
  tell();
  const waiting = [...grant.parts];
  const worker = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const from = (part.part_number - 1) * grant.part_bytes;
      const piece = file.slice(from, Math.min(file.size, from + grant.part_bytes));
      try {
        await send("PUT", part.url, piece, (sent) => { under_way.set(part.part_number, sent); tell(); }, signal);
        stored += piece.size;
        progressed();
      } finally {
        under_way.delete(part.part_number);
        tell();
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, worker));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
  const { parts_done } = await get(`/uploads/${grant.upload_id}`);
  await call("POST", `/uploads/${grant.upload_id}/complete`, { parts: parts_done.map(({ part_number, etag }) => ({ part_number, etag })) });
}

/** One request with its progress. Fetch tells none for uploads. */
function send(method, url, body, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => (request.status < 300 ? resolve() : reject(new Problem(request.status === 403 ? RUN_OUT : request.status, said(request))));
    request.onerror = () => reject(new Problem(0, "The store does not answer."));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

function said(request) {
  const sentence = /<Message>([^<]*)<\/Message>/.exec(request.responseText)?.[1];
  return sentence ? `The store: ${sentence}` : `The store answered ${request.status}.`;
}

/** May a later try do better? A broken connection, a busy gateway or store, an URL that has run out. */
function passing(error) {
  return error instanceof Problem && [0, 408, RUN_OUT, 429, 500, 502, 503, 504].includes(error.status);
}

/** Waits; not longer than until the network is back. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const done = () => { clearTimeout(timer); removeEventListener("online", done); resolve(); };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", () => { done(); reject(signal.reason); }, { once: true });
  });
}
