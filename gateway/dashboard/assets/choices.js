// What uploads are developed as: the operations and aliases that the gateway knows, as check boxes; the choice is kept.

import { $, h } from "./dom.js";
import { get } from "./api.js";

const KEY = "darkroom.choices";
const LIKED = ["thumbnail", "transcode_480p", "transcode_720p", "embed"];
let picked = new Set(["thumbnail"]);
let kinds = new Map();

/** Every name that may be asked of a media of this kind. */
export const offered = (kind) => [...kinds.keys()].filter((name) => fits(name, kind));

export async function choices() {
  try {
    picked = new Set(JSON.parse(localStorage.getItem(KEY) ?? '["thumbnail"]'));
  } catch {
    // what was kept is not readable: the default stands
  }
  const { operations } = await get("/operations");
  kinds = new Map(operations.flatMap((one) => (Object.keys(one.aliases).length ? Object.keys(one.aliases) : [one.name]).map((name) => [name, one.kinds])));
  const all = [...kinds.keys()];
  const listed = [...LIKED.filter((name) => all.includes(name)), ...all.filter((name) => !LIKED.includes(name))];
  picked = new Set([...picked].filter((name) => listed.includes(name)));
  $("choices").replaceChildren(...listed.map(choice));
}

function choice(name) {
  const box = h("input", { type: "checkbox", checked: picked.has(name), value: name });
  box.addEventListener("change", () => {
    if (box.checked) picked.add(name);
    else picked.delete(name);
    localStorage.setItem(KEY, JSON.stringify([...picked]));
  });
  return h("label", {}, box, ` ${words(name)}`);
}

/** `transcode_480p` for people. */
export const words = (name) => name.replaceAll("_", " ");

/** May this operation be made of that kind? Where the kind is not known yet, it may. */
export const fits = (name, kind) => !["image", "video", "audio"].includes(kind) || kinds.get(name)?.includes(kind) !== false;

/** The chosen ones that fit a file of this type. */
export const chosen = (type) => [...picked].filter((name) => fits(name, type.split("/")[0]));
