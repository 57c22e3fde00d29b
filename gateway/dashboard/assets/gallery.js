// The contact sheet: what there is, newest first, as frames of a film; a clip's rendition plays while the pointer or the focus is on it.

import { pictureOf, urlOf, videoOf, get } from "./api.js";
import { $, h, place, renew } from "./dom.js";
import { on } from "./live.js";
import { clock, when } from "./words.js";

const KINDS = ["all", "image", "video", "audio"];
const PAGE = 48;
const MOST = 1000;
const known = new Map();
const items = new Map();
const still = matchMedia("(prefers-reduced-motion: reduce)");
let wanted = { kind: "all", q: "" };
let cursor = null;
let asked = 0;

export function gallery() {
  on("hello", () => load());
  on("media", (media) => take({ ...media, artifacts: known.get(media.media_id)?.artifacts ?? [] }));
  on("job", (job) => {
    const media = known.get(job.media_id);
    if (!media) return;
    const made = job.tasks.flatMap((task) => task.artifacts);
    const others = media.artifacts.filter((one) => !made.some((fresh) => fresh.artifact_id === one.artifact_id));
    if (made.length) take({ ...media, artifacts: [...others, ...made] });
  });
  on("deleted", ({ media_id }) => {
    known.delete(media_id);
    show();
  });
  $("media-more").addEventListener("click", () => load(cursor));
  let typing = 0;
  $("media-search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => choose({ q: $("media-search").value.trim() }), 200);
  });
  drawChips();
}

/** What the gallery holds of a media, if it holds it. */
export const mediaKnown = (id) => known.get(id) ?? null;

function choose(change) {
  wanted = { ...wanted, ...change };
  drawChips();
  load();
}

function drawChips() {
  const focused = document.activeElement?.closest("#media-kinds") && document.activeElement.dataset.focus;
  const made = KINDS.map((kind) => h("button", { type: "button", "data-focus": kind, "aria-pressed": String(kind === wanted.kind), onclick: () => choose({ kind }) }, kind));
  $("media-kinds").replaceChildren(...made);
  if (focused) made.find((one) => one.dataset.focus === focused)?.focus();
}

async function load(after = null) {
  const mine = ++asked;
  const query = new URLSearchParams({ limit: PAGE, artifacts: "true" });
  if (wanted.kind !== "all") query.set("kind", wanted.kind);
  if (wanted.q) query.set("q", wanted.q);
  if (after) query.set("cursor", after);
  const listed = await get(`/media?${query}`);
  if (mine !== asked) return;
  if (!after) known.clear();
  for (const media of listed.media) known.set(media.media_id, media);
  cursor = listed.next_cursor;
  if (cursor && !listed.media.length) return load(cursor); // a search that has not come to its matches yet
  show();
}

function take(media) {
  const fits = wanted.kind === "all" || media.facts?.kind === wanted.kind;
  if (known.has(media.media_id) || (fits && !wanted.q)) known.set(media.media_id, media);
  show();
}

function show() {
  const sorted = [...known.values()].sort((a, b) => (a.media_id < b.media_id ? 1 : -1));
  for (const { media_id } of sorted.splice(MOST)) {
    known.delete(media_id);
    items.delete(media_id);
    cursor = sorted.at(-1).media_id;
  }
  place($("media-list"), sorted.map(frame));
  $("media-more").hidden = cursor === null;
  $("media-empty").hidden = sorted.length > 0;
  const [lead, next] = wanted.q || wanted.kind !== "all" ? ["Nothing here fits.", "Search for words of the filename by their beginnings, or show all kinds."] : ["The contact sheet is empty.", "Drop pictures, clips or sound anywhere on this page, or press U."];
  $("media-empty").replaceChildren(h("p", { class: "lead" }, lead), h("p", {}, next));
}

function frame(media) {
  const mark = [media.state, pictureOf(media.artifacts)?.artifact_id, videoOf(media.artifacts)?.artifact_id].join();
  const before = items.get(media.media_id);
  if (before?.mark === mark) return before.item;
  const fresh = draw(media);
  const item = before?.item.isConnected ? renew(before.item, fresh) : fresh;
  items.set(media.media_id, { mark, item });
  return item;
}

const NO_RENDITION = "plays here once it is developed as transcode 480p";
const STATES = { awaiting_upload: "not here yet", uploaded: "being looked at", rejected: "rejected", failed: "failed" };

function draw(media) {
  const picture = pictureOf(media.artifacts);
  const video = videoOf(media.artifacts);
  const kind = media.facts?.kind;
  const window_ = h("span", { class: "window" }, picture ? h("img", { src: urlOf(picture), alt: "", loading: "lazy" }) : (STATES[media.state] ?? (kind === "audio" ? "♪ sound" : "no thumbnail")), media.facts?.duration_ms ? h("span", { class: "length" }, clock(media.facts.duration_ms)) : null);
  const lacks = kind === "video" && media.state === "accepted" && !video ? NO_RENDITION : null;
  const label = [media.filename, kind, STATES[media.state], lacks].filter(Boolean).join(", ");
  const cell = h("a", { class: "cell", href: `#/gallery/${media.media_id}`, "data-stop": "", "data-focus": "cell", "aria-label": label, title: lacks && `This clip ${lacks}.` }, window_);
  if (video) preview(cell, window_, video);
  return h("li", { "data-media": media.media_id }, cell, h("p", { class: "caption", "aria-hidden": "true", title: media.filename }, media.filename), h("p", { class: "meta" }, STATES[media.state] ? `${STATES[media.state]} · ` : "", when(media.created_at)));
}

/** The rendition, without sound, over the thumbnail. Not for who wants nothing to move. */
function preview(cell, window_, artifact) {
  let playing = null;
  const start = () => {
    if (playing || still.matches) return;
    playing = h("video", { src: urlOf(artifact), muted: true, loop: true, playsInline: true, "aria-hidden": "true", tabIndex: -1 });
    window_.append(playing);
    playing.play().catch(() => stop());
  };
  const stop = () => {
    playing?.remove();
    playing = null;
  };
  for (const kind of ["pointerenter", "focus"]) cell.addEventListener(kind, start);
  for (const kind of ["pointerleave", "blur"]) cell.addEventListener(kind, stop);
}
