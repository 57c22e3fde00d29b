// The jobs: filtered by state, searched, live, a page at a time.

import { $, h, place } from "./dom.js";
import { get } from "./api.js";
import { on } from "./live.js";
import { makeRows } from "./rows.js";

const STATES = ["queued", "running", "done", "failed", "cancelled"];
const PAGE = 50;
const MOST = 1000;
const EMPTY = {
  all: ["No jobs yet.", "Drop a file anywhere on this page, or press U: every upload becomes a job."],
  queued: ["Nothing waits.", "What is uploaded now starts at once: drop a file anywhere on this page, or press U."],
  running: ["Nothing runs right now.", "Functions sleep until there is work for them: drop a file anywhere on this page, or press U."],
  done: ["Nothing is done yet.", "Drop a file anywhere on this page, or press U: its job and artifacts will be here."],
  failed: ["Nothing has failed.", "A job that fails is kept here with its reason; press Retry in its row to try it again."],
  cancelled: ["Nothing was cancelled.", "Press Cancel in the row of a job that waits or runs, and it is kept here."],
};
const rows = makeRows();
const known = new Map();
let wanted = { state: "all", q: "" };
let cursor = null;
let counts = {};
let asked = 0;

export function jobs() {
  on("hello", () => load());
  on("stats", (stats) => {
    counts = stats.jobs;
    drawChips();
  });
  on("job", take);
  on("deleted", ({ media_id }) => {
    for (const [id, job] of known) if (job.media_id === media_id) known.delete(id);
    show();
  });
  $("job-more").addEventListener("click", () => load(cursor));
  let typing = 0;
  $("job-search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => choose({ q: $("job-search").value.trim() }), 200);
  });
  drawChips();
}

/** What the address asks for: `#/jobs?state=failed`. */
export function filterJobs(query) {
  choose({ state: STATES.includes(query.get("state")) ? query.get("state") : "all" });
}

function choose(change) {
  const next = { ...wanted, ...change };
  if (next.state === wanted.state && next.q === wanted.q) return;
  wanted = next;
  drawChips();
  load();
}

function drawChips() {
  const made = ["all", ...STATES].map((state) => {
    const n = state === "all" ? null : counts[state];
    return h("button", { type: "button", "data-focus": state, "aria-pressed": String(state === wanted.state), onclick: () => (location.hash = state === "all" ? "#/jobs" : `#/jobs?state=${state}`) }, state, n ? h("span", {}, String(n)) : null);
  });
  const focused = document.activeElement?.closest("#job-states") && document.activeElement.dataset.focus;
  $("job-states").replaceChildren(...made);
  if (focused) made.find((one) => one.dataset.focus === focused)?.focus();
}

async function load(after = null) {
  const mine = ++asked;
  const query = new URLSearchParams({ limit: PAGE });
  if (wanted.state !== "all") query.set("state", wanted.state);
  if (wanted.q) query.set("q", wanted.q);
  if (after) query.set("cursor", after);
  const listed = await get(`/jobs?${query}`);
  if (mine !== asked) return; // somebody has typed on
  if (!after) known.clear();
  for (const job of listed.jobs) known.set(job.job_id, job);
  cursor = listed.next_cursor;
  if (cursor && !listed.jobs.length) return load(cursor); // a search that has not come to its matches yet
  show();
}

function take(job) {
  const fits = wanted.state === "all" || wanted.state === job.state;
  if (known.has(job.job_id) ? fits : fits && !wanted.q) known.set(job.job_id, job);
  else if (!$("job-list").querySelector(`[data-job="${job.job_id}"]`)?.contains(document.activeElement)) known.delete(job.job_id);
  else known.set(job.job_id, job); // who stands on it sees how it ended
  show();
}

function show() {
  const listed = [...known.values()].sort((a, b) => (a.job_id < b.job_id ? 1 : -1));
  for (const job of listed.splice(MOST)) {
    known.delete(job.job_id);
    rows.forget(job.job_id);
    cursor = listed.at(-1).job_id;
  }
  place($("job-list"), listed.map(rows.row));
  $("job-more").hidden = cursor === null;
  $("job-empty").hidden = listed.length > 0;
  const [lead, next] = wanted.q ? notFound() : EMPTY[wanted.state];
  $("job-empty").replaceChildren(h("p", { class: "lead" }, lead), h("p", {}, next));
}

function notFound() {
  const kind = wanted.state === "all" ? "job" : `${wanted.state} job`;
  const wider = wanted.state === "all" ? "Empty it to see every job." : "Empty it, or look among all jobs.";
  return [`No ${kind} is found for “${wanted.q}”.`, `The search looks for words of the filename by their beginnings, or for a whole id. ${wider}`];
}
