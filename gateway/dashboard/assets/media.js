// One media in the sheet: the picture or clip, its facts, its artifacts, what is like it, and what may be done with it.

import { get, pictureOf, urlOf, videoOf } from "./api.js";
import { offered, words as nameOf } from "./choices.js";
import { develop, probeAgain, remove } from "./deeds.js";
import { h } from "./dom.js";
import { files } from "./files.js";
import { on } from "./live.js";
import { close, open, redraw } from "./sheet.js";
import { bytes, clock, when } from "./words.js";

let media = null;
let artifacts = [];
let jobs = [];
let neighbours = null;
let sure = false;

export function watchMedia() {
  on("media", (news) => {
    if (news.media_id !== media?.media_id) return;
    media = news;
    redraw();
  });
  on("job", async (job) => {
    if (job.media_id !== media?.media_id) return;
    jobs = [job, ...jobs.filter((one) => one.job_id !== job.job_id)].sort((a, b) => (a.job_id < b.job_id ? 1 : -1));
    if (job.state === "done" || job.state === "failed") await loadArtifacts();
    redraw();
  });
  on("deleted", ({ media_id }) => {
    if (media_id === media?.media_id) close();
  });
}

export async function openMedia(id) {
  const found = await get(`/media/${id}`);
  const begin = () => ([media, artifacts, jobs, neighbours, sure] = [found, [], [], null, false]);
  open({ begin, title: () => media.filename, draw, close: () => (media = null) });
  await Promise.all([loadArtifacts(), get(`/jobs?media_id=${id}&limit=20`).then((listed) => (jobs = listed.jobs))]);
  redraw();
}

async function loadArtifacts() {
  const id = media?.media_id;
  const listed = id ? await get(`/media/${id}/artifacts`) : { artifacts: [] };
  if (media?.media_id === id) artifacts = listed.artifacts;
}

function draw() {
  const there = !["awaiting_upload"].includes(media.state);
  return [
    view(),
    media.error ? h("p", {}, media.error.message, " ", h("span", { class: "soft" }, `(${media.error.class})`)) : null,
    h("div", { class: "row" },
      media.state === "accepted" && artifacts.some((one) => one.operation === "embed") ? h("button", { type: "button", class: "main", "data-focus": "similar", onclick: findSimilar }, "Find similar") : null,
      there ? h("a", { class: "button", href: `/media/${media.media_id}/original`, "data-focus": "original" }, "Download original") : null,
      media.state === "failed" ? h("button", { type: "button", "data-focus": "probe", onclick: () => probeAgain(media) }, "Look again") : null,
      h("button", { type: "button", class: sure ? "grave" : "", "data-focus": "delete", onclick: () => (sure ? remove(media) : ask()) }, sure ? "Delete for good?" : "Delete"),
    ),
    neighbours,
    media.state === "accepted" ? more() : null,
    artifacts.length ? [h("h3", {}, "Artifacts"), files(artifacts)] : null,
    h("h3", {}, "Facts"),
    facts(),
    jobs.length ? [h("h3", {}, "Jobs"), h("ul", { class: "files" }, jobs.map((job) => h("li", {}, h("a", { href: `#/jobs/${job.job_id}`, "data-focus": job.job_id }, job.tasks.map((task) => task.operation).join(", ")), h("span", { class: `state ${job.state}` }, job.state))))] : null,
  ].flat().filter(Boolean);
}

function ask() {
  sure = true;
  redraw();
}

function view() {
  const [video, picture] = [videoOf(artifacts), pictureOf(artifacts)];
  const sound = artifacts.find((one) => one.content_type.startsWith("audio/"));
  const shows = (video ?? picture ?? sound)?.artifact_id ?? media.state;
  const made = video ? h("video", { src: urlOf(video), controls: true, muted: true, playsInline: true, preload: "metadata", poster: picture ? urlOf(picture) : "", "aria-label": media.filename }) : picture ? h("img", { src: urlOf(picture), alt: media.filename }) : sound ? h("audio", { src: urlOf(sound), controls: true }) : h("span", {}, media.state === "accepted" ? "Nothing to show yet" : media.state.replaceAll("_", " "));
  return h("div", { class: "view", "data-shows": shows }, made);
}

/** One press for each operation that fits and has not been made yet. */
function more() {
  const busy = new Set(jobs.flatMap((job) => job.tasks).filter((task) => ["queued", "running"].includes(task.state)).map((task) => task.operation));
  const names = offered(media.facts?.kind).filter((name) => !["thumbnail", "embed"].includes(name) || !artifacts.some((one) => one.operation === name));
  return names.length ? h("details", { "data-key": "more", open: !artifacts.length }, h("summary", { "data-focus": "more" }, "Develop as"), h("div", { class: "row" }, names.map((name) => h("button", { type: "button", "data-focus": `make-${name}`, disabled: busy.has(name), onclick: () => develop(media, [name]) }, nameOf(name))))) : null;
}

async function findSimilar() {
  const asked = media.media_id;
  neighbours = await get(`/media/${asked}/similar?k=12`).then(drawNeighbours, (error) => h("p", {}, error.message));
  if (media?.media_id === asked) redraw();
}

async function drawNeighbours({ items }) {
  if (!items.length) return h("p", { class: "soft" }, "Nothing else has been embedded yet: choose “embed” for other media, and look again.");
  const found = await Promise.all(items.map(async ({ media_id, score }) => {
    const [{ artifacts: made }, other] = await Promise.all([get(`/media/${media_id}/artifacts`), get(`/media/${media_id}`)]);
    const picture = pictureOf(made);
    return h("li", {}, h("a", { href: `#/gallery/${media_id}` }, h("span", { class: "picture" }, picture ? h("img", { src: urlOf(picture), alt: "" }) : other.facts?.kind ?? ""), h("span", {}, other.filename), h("span", { class: "meta" }, ` ${Math.round(score * 100)} %`)));
  }));
  return h("section", { "aria-label": "Similar media" }, h("h3", {}, "Similar"), h("ul", { class: "neighbours" }, found));
}

function facts() {
  const f = media.facts ?? {};
  const listed = [
    ["Kind", f.kind], ["Container", f.container], ["Size", f.width_px ? `${f.width_px} × ${f.height_px}` : null], ["Length", f.duration_ms ? clock(f.duration_ms) : null],
    ["Frame rate", f.frame_rate ? `${f.frame_rate} /s` : null], ["Video", f.video_codec], ["Audio", f.audio_codec], ["Bit depth", f.bit_depth], ["HDR", f.hdr],
    ["Color profile", f.color_profile], ["Rotation", f.rotation_deg ? `${f.rotation_deg}°` : null], ["Alpha", f.has_alpha ? "yes" : null], ["Animated", f.animated ? "yes" : null],
    ["Bytes", bytes(media.bytes)], ["Type", media.content_type], ["State", media.state.replaceAll("_", " ")], ["Came", when(media.created_at)],
  ];
  return h("dl", { class: "facts" }, listed.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value)))), h("div", { class: "wide" }, h("dt", {}, "Media"), h("dd", {}, h("code", {}, media.media_id))));
}
