// The sheet: one job or media over the views. The address says what it shows, so that Back closes it and a link opens it.

import { $, h } from "./dom.js";

const sheet = $("sheet");
let shown = null;

/** Opens the sheet for `view`: `{begin(), title(), draw(), close()}`; `draw` gives its content and is called again by `redraw`. */
export function open(view) {
  shown?.close();
  shown = view;
  view.begin();
  redraw();
  sheet.scrollTop = 0;
  if (!sheet.open) sheet.showModal();
}

export function close() {
  if (sheet.open) sheet.close();
}

/** Draws what the sheet shows anew; focus, open details and a playing video stay. */
export function redraw() {
  if (!shown) return;
  const focused = sheet.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const opened = new Set([...sheet.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  const shut = new Set([...sheet.querySelectorAll("details:not([open])")].map((one) => one.dataset.key));
  const view = sheet.querySelector(".view");
  sheet.replaceChildren(
    h("header", {}, h("h2", { id: "sheet-title" }, shown.title()), h("button", { type: "button", class: "close", "aria-label": "Close", "data-focus": "close", onclick: close }, "×")),
    ...shown.draw(),
  );
  for (const one of sheet.querySelectorAll("details")) {
    if (opened.has(one.dataset.key)) one.open = true;
    if (shut.has(one.dataset.key)) one.open = false;
  }
  const fresh = sheet.querySelector(".view");
  if (view && fresh && view.dataset.shows === fresh.dataset.shows) fresh.replaceWith(view);
  if (focused) (sheet.querySelector(`[data-focus="${focused}"]`) ?? sheet.querySelector(".close")).focus();
}

sheet.addEventListener("close", () => {
  shown?.close();
  shown = null;
  sheet.replaceChildren();
  const back = location.hash.split("/").slice(0, 2).join("/");
  if (location.hash.split("/").length > 2) location.hash = back;
});
sheet.addEventListener("click", (event) => {
  if (event.target === sheet && event.clientX < sheet.getBoundingClientRect().left) close();
});
