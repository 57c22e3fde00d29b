// The keyboard: one key for each thing, none while somebody types, and all of them can be switched off.

import { $, h } from "./dom.js";

const KEY = "darkroom.shortcuts";
const LIST = [
  [["1", "2", "3", "4"], "Overview, jobs, gallery, dead letters"],
  [["j", "k"], "Next and previous in a list"],
  [["Enter"], "Open"],
  [["Esc"], "Close"],
  [["/"], "Search"],
  [["u"], "Upload"],
  [["?"], "This list"],
];
const VIEWS = { 1: "#/", 2: "#/jobs", 3: "#/gallery", 4: "#/letters" };
const on = () => localStorage.getItem(KEY) !== "off";

export function keys() {
  $("shortcut-list").replaceChildren(...LIST.flatMap(([names, what]) => [h("dt", {}, names.map((name) => h("kbd", {}, name))), h("dd", {}, what)]));
  $("shortcuts-on").checked = on();
  $("shortcuts-on").addEventListener("change", () => localStorage.setItem(KEY, $("shortcuts-on").checked ? "on" : "off"));
  $("help-button").addEventListener("click", help);
  $("upload-button").addEventListener("click", upload);
  document.addEventListener("keydown", press);
}

const help = () => $("shortcuts").showModal();
const upload = () => $("upload").showModal();

function press(event) {
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (!on() || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const deed = VIEWS[event.key] ? () => (location.hash = VIEWS[event.key]) : { j: () => step(1), k: () => step(-1), ArrowRight: () => inGallery(1), ArrowLeft: () => inGallery(-1), "/": search, u: upload, "?": help }[event.key];
  if (!deed) return;
  if (deed() !== false) event.preventDefault();
}

function step(by) {
  const stops = [...document.querySelectorAll("main > section:not([hidden]) [data-stop]")];
  const now = stops.findIndex((one) => one === document.activeElement || one.closest("li")?.contains(document.activeElement));
  stops[now === -1 ? (by > 0 ? 0 : stops.length - 1) : Math.min(stops.length - 1, Math.max(0, now + by))]?.focus();
}

const inGallery = (by) => (document.activeElement?.closest("#media-list") ? step(by) : false);

function search() {
  document.querySelector("main > section:not([hidden]) input[type=search]")?.focus();
}
