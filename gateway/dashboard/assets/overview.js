// The first view: what flows, what waits, who works, what failed.

import { $, h, place } from "./dom.js";
import { get } from "./api.js";
import { on } from "./live.js";
import { makeRows } from "./rows.js";
import { plural, span, took } from "./words.js";

const LATEST = 6;
const SVG = "http://www.w3.org/2000/svg";
const rows = makeRows();
let latest = [];

export function overview() {
  on("stats", draw);
  on("job", (job) => {
    if (rows.has(job.job_id) || !latest.length || job.job_id > latest.at(-1).job_id || latest.length < LATEST) {
      show([job, ...latest.filter((one) => one.job_id !== job.job_id)]);
    }
  });
  on("deleted", ({ media_id }) => show(latest.filter((one) => one.media_id !== media_id)));
  on("hello", async () => show((await get(`/jobs?limit=${LATEST}`)).jobs));
  on("session", ({ scopes }) => {
    $("no-stats").hidden = scopes.includes("admin");
    for (const id of ["figures", "statistics"]) $(id).hidden = !scopes.includes("admin");
  });
}

function show(jobs) {
  latest = jobs.sort((a, b) => (a.job_id < b.job_id ? 1 : -1)).slice(0, LATEST);
  place($("latest"), latest.map(rows.row));
  $("nothing-yet").hidden = latest.length > 0;
}

function draw(stats) {
  const done = stats.throughput.reduce((sum, minute) => sum + minute.done, 0);
  const failed = Object.values(stats.failures_24h).reduce((sum, n) => sum + n, 0);
  const words = `${plural(done, "task")} in ${stats.throughput.length} minutes`;
  $("figures").replaceChildren(
    h("div", { class: "flow" }, h("div", {}, h("b", {}, String(stats.throughput.at(-1).done + stats.throughput.at(-2).done)), h("span", {}, "done in the last two minutes")), flow(stats.throughput, words)),
    figure("#/jobs?state=queued", stats.tasks.queued, stats.tasks.queued ? `waiting, ${span(stats.oldest_queued_s)} the oldest` : "waiting"),
    figure("#/jobs?state=running", stats.tasks.running, "running"),
    figure("#/jobs?state=failed", failed, "failed in 24 h", failed > 0),
    figure("#/letters", stats.dead_letters, plural(stats.dead_letters, "dead letter").replace(/^\d+ /, ""), stats.dead_letters > 0),
  );
  place($("functions"), stats.functions.map((one) => functionRow(one, stats.latency_ms[one.name])));
  $("failures").replaceChildren(failures(stats.failures_24h));
}

function figure(href, value, label, bad = false) {
  return h("a", { href, class: bad ? "bad" : "" }, h("b", {}, String(value)), h("span", {}, label));
}

function flow(minutes, words) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${minutes.length * 10} 60`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", words);
  const most = Math.max(4, ...minutes.map((minute) => minute.done + minute.failed));
  minutes.forEach((minute, n) => {
    const heights = [["done", minute.done], ["failed", minute.failed]].map(([kind, count]) => [kind, (count / most) * 57]);
    let y = 60;
    for (const [kind, height] of heights[0][1] + heights[1][1] ? heights : [["none", 1.5]]) {
      const bar = document.createElementNS(SVG, "rect");
      y -= height;
      for (const [name, value] of Object.entries({ x: n * 10 + 1.5, y, width: 7, height, class: kind })) bar.setAttribute(name, value);
      picture.append(bar);
    }
  });
  return picture;
}

function functionRow(one, latency) {
  const most = Math.min(one.max_scale ?? 4, 12);
  const known = one.instances !== null;
  const wanted = one.desired ?? 0;
  const lamps = Array.from({ length: known ? Math.max(most, one.instances) : 0 }, (_, n) => h("i", { class: n < one.instances ? "on" : n < wanted ? "wanted" : "" }));
  const words = known ? `${one.instances} of ${one.max_scale ?? "any number"}${wanted === one.instances ? "" : `, wants ${wanted}`}` : "unknown";
  return h("tr", {}, h("th", { scope: "row" }, one.name), h("td", {}, h("span", { class: "lamps", "aria-hidden": "true" }, lamps), words), h("td", {}, latency ? took(latency.p50) : "–"), h("td", {}, latency ? took(latency.p95) : "–"));
}

function failures(classes) {
  const all = Object.entries(classes);
  if (!all.length) return h("p", { class: "soft" }, "None. What fails is counted here by its class; look among the ", h("a", { href: "#/jobs?state=failed" }, "failed jobs"), " for older ones.");
  const most = Math.max(...all.map(([, n]) => n));
  return h("dl", { class: "bars" }, all.map(([failure, n]) => [h("dt", {}, failure), h("dd", {}, h("meter", { max: most, value: n, "aria-label": `${failure}: ${n}` }), h("span", {}, String(n)))]));
}
