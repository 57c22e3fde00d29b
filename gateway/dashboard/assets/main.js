// The dashboard, put together: views by the address, news from the stream, files from wherever they are dropped.

import { call, get } from "./api.js";
import { choices } from "./choices.js";
import { $, say, toast } from "./dom.js";
import { gallery } from "./gallery.js";
import { openJob, watchJobs } from "./job.js";
import { filterJobs, jobs } from "./jobs.js";
import { keys } from "./keys.js";
import { letters } from "./letters.js";
import { follow, on, tell } from "./live.js";
import { openMedia, watchMedia } from "./media.js";
import { overview } from "./overview.js";
import { close } from "./sheet.js";
import { add, uploads } from "./uploads.js";

const VIEWS = { overview: "On the line", jobs: "Jobs", gallery: "Gallery", letters: "Dead letters" };
const OPENS = { jobs: openJob, gallery: openMedia };

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [asked, id] = path.split("/");
  const view = VIEWS[asked] ? asked : "overview";
  for (const one of Object.keys(VIEWS)) $(one).hidden = one !== view;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[view]} · Darkroom`;
  if (view === "jobs" && !id) filterJobs(new URLSearchParams(query));
  if (id && OPENS[view]) OPENS[view](id).catch((error) => { toast(error.message, true); close(); });
  else close();
}

function connection(state) {
  const words = { on: "live", off: "reconnecting" }[state];
  if ($("live").dataset.live === state) return;
  $("live").dataset.live = state;
  $("live").querySelector(".words").textContent = words;
  if (state === "off") get("/session").catch(() => {});
}

function drops() {
  let deep = 0;
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const end = () => {
    deep = 0;
    $("drop").hidden = true;
  };
  addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    deep += 1;
    $("drop").hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (holdsFiles(event) && --deep <= 0) end();
  });
  addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    end();
    take([...event.dataTransfer.files]);
  });
  $("files").addEventListener("change", () => {
    take([...$("files").files]);
    $("files").value = "";
  });
}

function take(files) {
  if ($("upload").open) $("upload").close();
  if (files.length) add(files);
}

/** Says to who listens which jobs have ended, a few seconds' worth at a time. */
function ends() {
  const told = new Map();
  let ended = [];
  let saying = 0;
  on("job", (job) => {
    if (["done", "failed", "cancelled"].includes(job.state) && told.get(job.job_id) !== job.state) ended.push(job);
    told.set(job.job_id, job.state);
    saying ||= setTimeout(() => {
      saying = 0;
      if (ended.length) say(ended.length === 1 ? `${ended[0].filename}: ${ended[0].state}.` : `${ended.length} jobs have ended.`);
      ended = [];
    }, 2000);
  });
}

async function signedIn() {
  const session = await get("/session");
  tell("session", session);
  if (session.scopes.includes("admin")) on("hello", async () => tell("stats", await get("/stats")));
  $("sign-out").hidden = session.key_id === null;
  $("sign-out").addEventListener("click", async () => {
    await call("DELETE", "/session");
    location.assign("/dashboard");
  });
}

on("connection", connection);
for (const begin of [overview, jobs, gallery, letters, watchJobs, watchMedia, uploads, keys, drops, ends]) begin();
addEventListener("hashchange", route);
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.status === undefined) return; // a defect of ours stays an error in the console
  event.preventDefault();
  toast(event.reason.message, true);
});
await Promise.all([signedIn(), choices()]).catch((error) => toast(error.message, true));
route();
follow();
