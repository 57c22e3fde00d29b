// The dashboard: reads /stats, /jobs and /media every two seconds and redraws what has changed. Everything from the server goes in as text.
"use strict";

const EVERY_MS = 2000;
const names = new Map();
const drawn = new Map();
const $ = (id) => document.getElementById(id);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function drawCounts(stats) {
  const counts = [
    ["media", Object.values(stats.media).reduce((a, b) => a + b, 0)],
    ["queued", stats.tasks.queued], ["running", stats.tasks.running], ["done", stats.tasks.done], ["failed", stats.tasks.failed],
    ["rejected media", stats.media.rejected], ["oldest in queue", `${Math.round(stats.oldest_queued_s)} s`], ["dead letters", stats.dead_letters],
  ];
  $("counts").replaceChildren(...counts.map(([label, value]) => {
    const card = element("div", undefined, "card");
    card.append(element("b", value), element("span", label));
    return card;
  }));
}

function drawFunctions(stats) {
  $("functions").replaceChildren(...stats.functions.map((one) => {
    const latency = stats.latency_ms[one.name];
    const cells = [one.name, one.instances ?? "–", one.desired ?? "–", latency ? `${Math.round(latency.p50)} ms` : "–", latency ? `${Math.round(latency.p95)} ms` : "–"];
    const row = element("tr");
    row.append(...cells.map((cell) => element("td", cell)));
    return row;
  }));
}

async function nameOf(mediaId) {
  if (!names.has(mediaId)) names.set(mediaId, get(`/media/${mediaId}`).then((media) => media.filename, () => "(deleted)"));
  return names.get(mediaId);
}

function drawTask(task) {
  const item = element("li");
  const words = Object.values(task.parameters).join(" · ");
  item.append(`${task.operation} ${words} `, element("span", task.state, `state ${task.state}`));
  if (task.error) item.append(element("div", task.error.message));
  if (task.state === "running") {
    const bar = element("progress");
    bar.max = 1;
    if (task.progress !== null) bar.value = task.progress;
    bar.setAttribute("aria-label", `progress of ${task.operation}`);
    item.append(bar);
  }
  return item;
}

async function drawJob(job) {
  const mark = JSON.stringify([job.state, job.tasks.map((task) => [task.state, task.progress])]);
  const before = drawn.get(job.job_id);
  if (before?.mark === mark) return before.item;
  const item = $("job").content.cloneNode(true).firstElementChild;
  item.querySelector("h3").textContent = await nameOf(job.media_id);
  item.querySelector(".meta").textContent = `${job.state} · ${new Date(job.created_at).toLocaleTimeString()} · ${job.priority}`;
  item.querySelector(".tasks").append(...job.tasks.map(drawTask));
  const artifacts = job.tasks.flatMap((task) => task.artifacts);
  const picture = artifacts.find((artifact) => artifact.content_type.startsWith("image/"));
  if (picture) item.querySelector("img").src = picture.url;
  const best = artifacts.find((artifact) => artifact.content_type.startsWith("video/")) ?? picture;
  if (best) item.querySelector("a").href = best.url;
  drawn.set(job.job_id, { mark, item });
  return item;
}

async function refresh() {
  try {
    const [stats, listed] = await Promise.all([get("/stats"), get("/jobs?limit=30")]);
    drawCounts(stats);
    drawFunctions(stats);
    const items = await Promise.all(listed.jobs.map(drawJob));
    const list = $("jobs");
    if (items.length !== list.children.length || items.some((item, n) => list.children[n] !== item)) list.replaceChildren(...items);
    $("empty").hidden = items.length > 0;
    $("live").textContent = `live, ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    $("live").textContent = `not connected: ${error.message}; trying again`;
  }
  setTimeout(refresh, EVERY_MS);
}

$("origin").textContent = location.origin;
refresh();
