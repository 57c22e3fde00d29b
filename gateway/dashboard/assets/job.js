// One job in the sheet: each task, its attempts with the tool's last lines, its artifacts, and its dead letters.

import { h } from "./dom.js";
import { get } from "./api.js";
import { redrive, retry } from "./deeds.js";
import { on } from "./live.js";
import { files } from "./files.js";
import { acts, bar } from "./rows.js";
import { close, open, redraw } from "./sheet.js";
import { span, taskName, when } from "./words.js";

let job = null;
let letters = [];
let mayRedrive = true;

export function watchJobs() {
  on("session", ({ scopes }) => (mayRedrive = scopes.includes("admin")));
  on("job", (news) => {
    if (news.job_id !== job?.job_id) return;
    job = news;
    redraw();
  });
  on("letter", (news) => {
    letters = letters.map((one) => (one.id === news.id ? news : one));
    if (job) redraw();
  });
  on("hello", async () => {
    if (job) job = await get(`/jobs/${job.job_id}`);
    redraw();
  });
  on("deleted", ({ media_id }) => {
    if (job?.media_id === media_id) close();
  });
}

export async function openJob(id) {
  const found = await get(`/jobs/${id}`);
  const begin = () => ([job, letters] = [found, []]);
  open({ begin, title: () => job.filename, draw, close: () => (job = null) });
  if (mayRedrive && found.state === "failed") {
    const waiting = (await get("/dead-letters?limit=200")).dead_letters.filter((letter) => letter.job_id === id && !letter.redriven_at);
    if (job?.job_id === id) letters = waiting;
    redraw();
  }
}

function draw() {
  return [
    h("div", { class: "row" }, h("span", { class: `state ${job.state}` }, job.state), h("span", { class: "soft" }, "asked for ", when(job.created_at), job.priority === "bulk" ? ", bulk" : "")),
    h("div", { class: "row" }, acts(job), h("a", { class: "button", href: `#/gallery/${job.media_id}`, "data-focus": "media" }, "Open the media")),
    letters.map((letter) => h("p", { class: "row" }, h("span", {}, `A dead letter: ${letter.message}`), h("button", { type: "button", "data-focus": `letter-${letter.id}`, disabled: Boolean(letter.redriven_at), onclick: () => redrive(letter) }, letter.redriven_at ? "Redriven" : "Redrive"))),
    job.tasks.map(task),
    h("dl", { class: "facts" }, h("div", { class: "wide" }, h("dt", {}, "Job"), h("dd", {}, h("code", {}, job.job_id)))),
  ].flat(2);
}

function task(one) {
  const name = taskName(one.operation, one.parameters);
  return h(
    "section",
    { class: "task" },
    h("header", {}, h("h3", {}, name), h("span", { class: `state ${one.state}` }, one.state), one.state === "failed" && job.tasks.length > 1 ? h("button", { type: "button", "data-focus": `retry-${one.task_id}`, "aria-label": `Retry ${name}`, onclick: () => retry(job, one) }, "Retry") : null),
    one.state === "running" ? [bar(name, one.progress), h("p", { class: "soft" }, one.progress === null ? "starting" : `${Math.floor(one.progress * 100)} %`)] : null,
    one.error ? h("p", {}, one.error.message, " ", h("span", { class: "soft" }, `(${one.error.class})`)) : null,
    one.artifacts.length ? files(one.artifacts) : null,
    one.attempts.length ? attempts(one) : null,
  );
}

function attempts(one) {
  const failed = one.attempts.some((attempt) => attempt.class !== null);
  return h(
    "details",
    { "data-key": one.task_id, open: failed },
    h("summary", { "data-focus": `attempts-${one.task_id}` }, one.attempts.length === 1 ? "1 attempt" : `${one.attempts.length} attempts`),
    one.attempts.map((attempt) => [
      h("p", {}, `${attempt.attempt}. `, attempt.message ?? (attempt.finished_at ? "done" : attempt.started_at ? "works" : "waits for a function"), " ", h("span", { class: "soft" }, [attempt.class, length(attempt)].filter(Boolean).join(", "))),
      attempt.log_tail ? h("pre", { tabIndex: 0, "aria-label": `The tool's last lines, attempt ${attempt.attempt}` }, attempt.log_tail) : null,
    ]),
  );
}

function length(attempt) {
  if (!attempt.started_at || !attempt.finished_at) return null;
  return span((Date.parse(attempt.finished_at) - Date.parse(attempt.started_at)) / 1000);
}
