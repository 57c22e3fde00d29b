// Dead letters: what the broker could not deliver, and the way to try it again.

import { $, h, place, renew } from "./dom.js";
import { get } from "./api.js";
import { redrive } from "./deeds.js";
import { on } from "./live.js";
import { when } from "./words.js";

const known = new Map();
const items = new Map();
let cursor = null;
let count = null;
let may = true;

export function letters() {
  on("session", ({ scopes }) => {
    may = scopes.includes("admin");
  });
  on("hello", () => load());
  on("letter", (letter) => {
    known.set(letter.id, letter);
    show();
  });
  on("stats", ({ dead_letters }) => {
    if (count !== null && count !== dead_letters) load();
    count = dead_letters;
    $("letters-count").hidden = dead_letters === 0;
    $("letters-count").replaceChildren(String(dead_letters), h("span", { class: "unseen" }, " waiting"));
  });
  $("letter-more").addEventListener("click", () => load(cursor));
}

async function load(after = null) {
  if (!may) {
    $("letter-empty").hidden = false;
    $("letter-empty").replaceChildren(h("p", { class: "lead" }, "Your key may not read dead letters."), h("p", {}, "They need a key with the scope ", h("code", {}, "admin"), "."));
    return;
  }
  const listed = await get(`/dead-letters?limit=50${after ? `&cursor=${after}` : ""}`);
  if (!after) known.clear();
  for (const one of listed.dead_letters) known.set(one.id, one);
  cursor = listed.next_cursor;
  show();
}

function show() {
  const sorted = [...known.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  place($("letter-list"), sorted.map(row));
  $("letter-more").hidden = cursor === null;
  $("letter-empty").hidden = sorted.length > 0;
  $("letter-empty").replaceChildren(h("p", { class: "lead" }, "No dead letters."), h("p", {}, "Everything that was sent has been delivered. Should a function be unreachable for long, its letters will be here to redrive."));
}

function row(letter) {
  const before = items.get(letter.id);
  if (before?.redriven === letter.redriven_at) return before.item;
  const fresh = draw(letter);
  const item = before?.item.isConnected ? renew(before.item, fresh) : fresh;
  items.set(letter.id, { redriven: letter.redriven_at, item });
  return item;
}

function draw(letter) {
  const what = letter.operation ?? letter.event_type;
  const job = letter.job_id ? h("a", { href: `#/jobs/${letter.job_id}`, "data-stop": "", "data-focus": "job" }, "its job") : null;
  return h(
    "li",
    { "data-letter": letter.id },
    h("div", {}, h("p", {}, h("b", {}, what), `: ${letter.message}`), h("p", { class: "meta" }, when(letter.received_at), letter.code ? ` · last answer ${letter.code}` : "", job ? [" · "] : "", job ?? "", letter.redriven_at ? [" · redriven ", when(letter.redriven_at)] : "")),
    letter.redriven_at ? h("span", { class: "soft" }, "redriven") : h("button", { type: "button", "data-focus": "redrive", "aria-label": `Redrive the letter of ${what}`, onclick: () => redrive(letter) }, "Redrive"),
  );
}
