// Elements out of words. Everything from a server or a file goes in as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element: properties (or attributes, for names with a dash, `role` and `class`), listeners (`onclick`), children. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.includes("-") || name === "role" || name === "class" || name === "for" || name === "scope") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Puts `made` in place of the list's children, keeping those that are the same element, and the focus with them. */
export function place(list, made) {
  const wanted = new Set(made);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  made.forEach((child, n) => {
    if (list.children[n] !== child) list.insertBefore(child, list.children[n] ?? null);
  });
}

/** Replaces an element by its newer self; what was focused inside stays so, by its `data-focus`. */
export function renew(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset?.focus : null;
  const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  for (const one of fresh.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
  old.replaceWith(fresh);
  if (focused) (fresh.querySelector(`[data-focus="${focused}"]`) ?? fresh.querySelector("[data-focus]"))?.focus();
  return fresh;
}

/** Says a sentence to who listens instead of looking. */
export function say(sentence) {
  $("said").textContent = sentence;
}

let fading = 0;

/** Says a sentence to everybody: what became of what they asked for. */
export function toast(sentence, bad = false) {
  clearTimeout(fading);
  $("toast").textContent = sentence;
  $("toast").className = bad ? "shown bad" : "shown";
  fading = setTimeout(() => ($("toast").className = ""), 6000);
}
