// Artifacts as a list of files to open and to keep.

import { h } from "./dom.js";
import { bytes, clock, taskName } from "./words.js";

export function files(artifacts) {
  return h(
    "ul",
    { class: "files" },
    artifacts.map((one) => {
      const name = taskName(one.operation, one.parameters);
      const size = one.width_px ? `${one.width_px} × ${one.height_px}` : null;
      const facts = [one.content_type, size, one.duration_ms ? clock(one.duration_ms) : null, bytes(one.bytes)].filter(Boolean).join(" · ");
      return h(
        "li",
        {},
        h("div", {}, h("a", { href: one.url, target: "_blank", rel: "noopener", "data-focus": `open-${one.artifact_id}` }, name, h("span", { class: "unseen" }, " (opens in a new tab)")), h("p", { class: "meta" }, facts)),
        h("a", { class: "button", href: `/artifacts/${one.artifact_id}/download`, "aria-label": `Download ${name}`, "data-focus": `download-${one.artifact_id}` }, "Download"),
      );
    }),
  );
}
