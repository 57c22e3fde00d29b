// The uploads of this page: three at a time, each in the tray from its first byte until it is developed.

import { call } from "./api.js";
import { chosen } from "./choices.js";
import { $, h, place, renew, say } from "./dom.js";
import { on } from "./live.js";
import { fingerprint, forget, remembered } from "./memory.js";
import { transfer } from "./transfer.js";
import { bytes } from "./words.js";

const AT_ONCE = 3;
const entries = [];
const ENDED = ["done", "failed", "cancelled"];
let running = 0;

export function uploads() {
  for (const one of remembered()) entries.push({ name: one.name, size: one.size, sent: 0, state: "interrupted", mark: one.mark, upload_id: one.upload_id });
  on("media", (media) => follow(media.media_id, media.state === "rejected" || media.state === "failed" ? { state: "failed", why: media.error?.message } : {}));
  on("job", (job) => follow(job.media_id, ENDED.includes(job.state) ? { state: job.state, why: job.tasks.find((task) => task.error)?.error.message } : {}));
  $("tray-close").addEventListener("click", () => {
    entries.splice(0, entries.length, ...entries.filter((entry) => !over(entry)));
    show();
  });
  addEventListener("beforeunload", (event) => {
    if (entries.some((entry) => entry.state === "sending")) event.preventDefault();
  });
  show();
}

/** Takes files in. One whose upload was interrupted goes on from what the store has. */
export function add(files) {
  for (const file of files) {
    const mark = fingerprint(file);
    const old = entries.find((entry) => entry.mark === mark && entry.state === "interrupted");
    if (old) entries.splice(entries.indexOf(old), 1);
    const entry = { name: file.name, size: file.size, sent: 0, state: "waiting", mark, file, operations: chosen(file.type), abort: new AbortController() };
    if (file.size === 0) Object.assign(entry, { state: "refused", why: "The file is empty." });
    entries.push(entry);
  }
  say(`${files.length === 1 ? "1 file" : `${files.length} files`} in the tray.`);
  show();
  next();
}

function next() {
  while (running < AT_ONCE) {
    const entry = entries.find((one) => one.state === "waiting");
    if (!entry) return;
    running += 1;
    entry.state = "sending";
    run(entry).finally(() => {
      running -= 1;
      show();
      next();
    });
  }
}

async function run(entry) {
  try {
    entry.media_id = await transfer(entry.file, entry.operations, (change) => { Object.assign(entry, change); show(); }, entry.abort.signal);
    forget(entry.mark);
    if (entry.state === "sending") entry.state = entry.operations.length ? "developing" : "done";
    entry.sent = entry.size;
    entry.file = null;
    say(`${entry.name} is uploaded.`);
  } catch (error) {
    forget(entry.mark);
    if (entry.upload_id) call("DELETE", `/uploads/${entry.upload_id}`).catch(() => {});
    Object.assign(entry, entry.abort.signal.aborted ? { state: "stopped" } : { state: "refused", why: error.message });
    if (entry.state === "refused") say(`${entry.name}: ${error.message}`);
  }
}

function follow(media_id, change) {
  const entry = entries.find((one) => one.media_id === media_id && (one.state === "developing" || one.state === "sending"));
  if (!entry || !change.state) return;
  Object.assign(entry, change, { sent: entry.size });
  show();
}

const over = (entry) => !["waiting", "sending", "interrupted", "developing"].includes(entry.state);

let drawing = 0;
function show() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    $("tray").hidden = entries.length === 0;
    const open = entries.filter((entry) => !over(entry)).length;
    $("tray-sum").textContent = open ? `${entries.length - open} of ${entries.length} finished` : "all finished";
    for (const entry of entries) {
      const mark = [entry.state, Math.round((entry.sent / entry.size) * 200), entry.waiting, entry.why].join();
      if (entry.drawn === mark) continue;
      const fresh = draw(entry);
      entry.item = entry.item?.isConnected ? renew(entry.item, fresh) : fresh;
      entry.drawn = mark;
    }
    place($("tray-list"), [...entries].reverse().map((entry) => entry.item));
  });
}

function draw(entry) {
  const name = entry.media_id && over(entry) ? h("a", { class: "name", href: `#/gallery/${entry.media_id}`, "data-focus": "name" }, entry.name) : h("span", { class: "name" }, entry.name);
  return h("li", { "data-upload": entry.state }, name, act(entry), entry.state === "sending" ? h("progress", { max: entry.size, value: entry.sent, "aria-label": `Upload of ${entry.name}` }) : null, h("span", { class: "meta" }, words(entry)));
}

function act(entry) {
  if (entry.state === "waiting" || entry.state === "sending") {
    return h("button", { type: "button", "data-focus": "stop", "aria-label": `Stop the upload of ${entry.name}`, onclick: () => { entry.abort.abort(); if (entry.state === "waiting") entry.state = "stopped"; show(); } }, "Stop");
  }
  if (entry.state === "interrupted") {
    return h("button", { type: "button", "data-focus": "drop", "aria-label": `Forget the upload of ${entry.name}`, onclick: () => { forget(entry.mark); entry.state = "stopped"; call("DELETE", `/uploads/${entry.upload_id}`).catch(() => {}); show(); } }, "Forget");
  }
  return h("span");
}

function words(entry) {
  if (entry.state === "sending" && entry.waiting && entry.waiting !== "broken") return `${entry.waiting} Trying again.`;
  if (entry.state === "sending" && entry.waiting) return `Connection broken at ${bytes(entry.sent)}; going on by itself when it is back`;
  const said = {
    waiting: `waits, ${bytes(entry.size)}`,
    sending: `${bytes(entry.sent)} of ${bytes(entry.size)}`,
    interrupted: "Interrupted. Choose or drop the same file again, and it goes on where it was.",
    developing: "uploaded, being developed",
    done: "done",
    failed: entry.why ?? "failed",
    cancelled: "cancelled",
    stopped: "stopped",
    refused: entry.why,
  };
  return said[entry.state];
}
