/**
 * What the widgets are put together from. Every control is an element that a keyboard and a screen
 * reader already know.
 */

/** Ten colours told apart by readers with any common colour-vision deficiency (Petroff, 2021). */
export const PALETTE = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
];

/**
 * An element with properties and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const { className, ...rest } = properties;
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(rest)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/**
 * The context of a canvas that draws in two dimensions, as each of the widgets' does.
 * @param {HTMLCanvasElement | OffscreenCanvas} node
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(node, settings) {
  return /** @type {CanvasRenderingContext2D} */ (node.getContext("2d", settings));
}

// Each widget's module has its own copy of this file, so a number alone is no id on a page.
const own = Math.random().toString(36).slice(2);
let controls = 0;
const newId = () => `vae-control-${own}-${(controls += 1)}`;

/**
 * A labelled range slider that shows its value.
 * @param {{label: string, min: number, max: number, step: number, value: number,
 *   format?: (value: number) => string, onInput: (value: number) => void}} options
 */
export function slider({ label, min, max, step, value, format, onInput }) {
  const show = format ?? ((number) => number.toFixed(2));
  const id = newId();
  const input = element("input", { type: "range", id, min, max, step });
  const output = element("output", { htmlFor: id, "aria-live": "off" }); // the slider itself speaks
  const node = element(
    "div",
    { className: "vae-slider" },
    element("label", { htmlFor: id }, label),
    input,
    output,
  );
  const set = (number) => {
    input.value = String(number);
    output.textContent = show(number);
    input.setAttribute("aria-valuetext", show(number));
  };
  set(value);
  input.addEventListener("input", () => {
    const number = Number(input.value);
    set(number);
    onInput(number);
  });
  return { node, input, set };
}

/** A slider that magnifies a map up to twenty times. @param {(factor: number) => void} onInput */
export function zoomSlider(onInput) {
  const format = (factor) => `${factor} ×`;
  return slider({ label: "zoom", min: 1, max: 20, step: 1, value: 1, format, onInput });
}

/** @param {string} text @param {() => void} onClick */
export function button(text, onClick) {
  const node = element("button", { type: "button", className: "vae-button" }, text);
  node.addEventListener("click", onClick);
  return node;
}

/**
 * Shows whether a button has anything to do. It keeps the focus if it has not, so that a reader
 * with a keyboard is not thrown back to the start of the page.
 * @param {HTMLElement} node @param {boolean} on
 */
export function enable(node, on) {
  node.setAttribute("aria-disabled", String(!on));
  const looks = { color: "var(--vae-muted)", borderStyle: "dashed", cursor: "default" };
  for (const [name, value] of Object.entries(looks)) node.style[name] = on ? "" : value;
}

/**
 * A labelled choice of one of several names.
 * @param {{label: string, options: {value: string, text: string}[], value: string,
 *   onInput: (value: string) => void}} options
 */
export function choice({ label, options, value, onInput }) {
  const id = newId();
  const select = element("select", { id });
  select.append(
    ...options.map((option) => element("option", { value: option.value }, option.text)),
  );
  select.value = value;
  select.addEventListener("input", () => onInput(select.value));
  const node = element(
    "div",
    { className: "vae-choice" },
    element("label", { htmlFor: id }, label),
    select,
  );
  return { node, select, set: (name) => (select.value = name) };
}

/**
 * A table of named numbers: `set({name: text})` fills it in.
 * @param {string[]} names @param {string} [label] what tells it from another table beside it
 */
export function readout(names, label) {
  const cells = Object.fromEntries(names.map((name) => [name, element("td")]));
  const rows = names.map((name) =>
    element("tr", {}, element("th", { scope: "row" }, name), cells[name]),
  );
  const node = element("table", { className: "vae-readout" }, element("tbody", {}, ...rows));
  if (label) node.setAttribute("aria-label", label);
  const set = (values) => {
    for (const [name, text] of Object.entries(values)) cells[name].textContent = text;
  };
  return { node, set };
}

const UNSEEN = // by eyes, but not by screen readers
  "position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; " +
  "clip-path: inset(50%); white-space: nowrap";

/**
 * One line that always tells what is, and its copy, unseen, that screen readers announce once it
 * has not changed for half a second. The first line is not announced: the reader did nothing yet.
 */
export function announcement() {
  const seen = element("span");
  const spoken = element("span", { role: "status", style: UNSEEN });
  const node = element(
    "p",
    { className: "vae-announcement", style: "position: relative" },
    seen,
    " ",
    spoken,
  );
  let timer = 0;
  let stopped = false;
  const say = (text) => {
    if (stopped || seen.textContent === text) return;
    const isFirst = !seen.textContent;
    seen.textContent = text;
    clearTimeout(timer);
    if (!isFirst) timer = setTimeout(() => (spoken.textContent = text), 500);
  };
  const stop = () => {
    stopped = true;
    clearTimeout(timer);
  };
  return { node, say, stop };
}

/**
 * Puts a widget into the element that it was given, and sees to it that the keys which a control
 * takes stay with it: Jupyter would move between cells with the arrows and delete one with "d".
 * @param {HTMLElement} el
 * @param {Node[]} children
 * @param {(() => void)[]} stops what ends all that the widget has begun
 * @returns {() => void} ends it, and leaves nothing behind
 */
export function mount(el, children, stops) {
  el.classList.add("vae-root");
  el.addEventListener("keydown", keepKey);
  el.append(...children);
  return () => {
    el.removeEventListener("keydown", keepKey);
    stops.forEach((stop) => stop());
  };
}

/** Escape leads out of the widget; shortcuts with Ctrl, Meta or Alt stay those of the page. */
function keepKey(event) {
  const isShortcut = event.ctrlKey || event.metaKey || event.altKey;
  const isTaken = event.defaultPrevented; // by the widget, such as Ctrl and z on the sheet
  if (event.key !== "Escape" && (isTaken || !isShortcut)) event.stopPropagation();
}

/**
 * Watches traits of the model until the view is gone; returns what stops it.
 * @param {any} model @param {string[]} names @param {() => void} callback
 */
export function onChange(model, names, callback) {
  for (const name of names) model.on(`change:${name}`, callback);
  return () => {
    for (const name of names) model.off(`change:${name}`, callback);
  };
}

/** Sets traits and tells Python of it, if there is a Python. */
export function change(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

/** Numbers as a reader sees them, with a true minus sign, and none before a zero. */
export function text(number, digits = 2) {
  const rounded = number.toFixed(digits);
  return rounded.replace("-", Number(rounded) ? "−" : "");
}
