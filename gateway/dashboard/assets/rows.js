// Jobs as rows of a list: what it is, how far each task is, and what may be done about it.

import { h, renew } from "./dom.js";
import { pictureOf, urlOf } from "./api.js";
import { cancel, retry } from "./deeds.js";
import { taskName, when } from "./words.js";

/** Rows that stay the same elements while their jobs stay the same. */
export function makeRows() {
  const drawn = new Map();
  const row = (job) => {
    const mark = JSON.stringify([job.state, job.tasks.map((task) => [task.state, task.progress, task.attempt, task.artifacts.length])]);
    const before = drawn.get(job.job_id);
    if (before?.mark === mark) return before.item;
    const fresh = draw(job);
    const item = before?.item.isConnected ? renew(before.item, fresh) : fresh;
    drawn.set(job.job_id, { mark, item });
    return item;
  };
  return { row, has: (id) => drawn.has(id), forget: (id) => drawn.delete(id) };
}

function draw(job) {
  const href = `#/jobs/${job.job_id}`;
  const picture = pictureOf(job.tasks.flatMap((task) => task.artifacts));
  return h(
    "li",
    { "data-job": job.job_id },
    h("a", { href, class: "picture", tabIndex: -1, "aria-hidden": "true" }, picture ? h("img", { src: urlOf(picture), alt: "", loading: "lazy" }) : ending(job.filename)),
    h("div", {}, h("a", { href, class: "name", "data-stop": "", "data-focus": "name" }, job.filename), h("p", { class: "meta" }, when(job.created_at), job.priority === "bulk" ? " · bulk" : "")),
    h("ul", { class: "steps" }, job.tasks.slice(0, 4).map((task) => step(task, job)), job.tasks.length > 4 ? h("li", { class: "soft" }, `and ${job.tasks.length - 4} more`) : null),
    h("span", { class: `state ${job.state}` }, job.state),
    h("div", { class: "acts" }, acts(job)),
  );
}

function step(task, job) {
  const name = taskName(task.operation, task.parameters);
  const more = task.state === "running" ? (task.progress === null ? "starting" : `${Math.floor(task.progress * 100)} %`) : task.state === job.state ? "" : task.state;
  return h("li", {}, h("span", {}, name), h("span", { class: "soft" }, more), task.state === "running" ? bar(name, task.progress) : null, task.error && task.state === "failed" ? h("span", { class: "why" }, task.error.message) : null);
}

/** What stands where no picture is yet: JPG, MOV. */
function ending(filename) {
  const [, found] = /\.([\p{L}\p{N}]{1,4})$/u.exec(filename) ?? [];
  return found?.toUpperCase() ?? "";
}

/** A task's progress; one that has said nothing yet stands at nought. */
export function bar(name, progress) {
  return h("progress", { max: 1, value: progress ?? 0, "aria-label": `Progress of ${name}` });
}

/** What may be done about a job now. */
export function acts(job) {
  if (job.state === "queued" || job.state === "running") {
    return [h("button", { type: "button", "data-focus": "cancel", "aria-label": `Cancel the job of ${job.filename}`, onclick: () => cancel(job) }, "Cancel")];
  }
  if (job.state === "failed") {
    return [h("button", { type: "button", "data-focus": "retry", "aria-label": `Retry the job of ${job.filename}`, onclick: () => retry(job) }, "Retry")];
  }
  return [];
}
