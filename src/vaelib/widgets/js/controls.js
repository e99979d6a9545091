/**
 * What the widgets are put together from. Every control is an element that a keyboard and a screen
 * reader already know; canvases are drawn in the colours of the page.
 */

/** Ten colours told apart by readers with any common colour-vision deficiency (Petroff, 2021). */
export const PALETTE = [
  "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
  "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
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
    "p", { className: "vae-announcement", style: "position: relative" }, seen, " ", spoken,
  );
  let timer = 0;
  const say = (text) => {
    if (seen.textContent === text) return;
    const isFirst = !seen.textContent;
    seen.textContent = text;
    clearTimeout(timer);
    if (!isFirst) timer = setTimeout(() => (spoken.textContent = text), 500);
  };
  return { node, say };
}

/** The page's colours as they are now. */
export function colors(node) {
  const style = getComputedStyle(node);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    ground: read("--vae-ground"),
    ink: read("--vae-ink"),
    muted: read("--vae-muted"),
    grid: read("--vae-grid"),
    accent: read("--vae-accent"),
  };
}

/** Calls back when the page turns dark or light; returns what stops it. */
export function onTheme(callback) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  const observer = new MutationObserver(callback);
  const watch = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] };
  observer.observe(document.documentElement, watch);
  observer.observe(document.body, watch);
  return () => {
    media.removeEventListener("change", callback);
    observer.disconnect();
  };
}

const MEASURES = "vae-draw";
let draws = 0;

/** Forgets the measures once there are more than 1000: the browser would keep them all. */
function forgetMeasures() {
  draws += 1;
  if (draws % 100) return; // to count them takes time, too
  if (performance.getEntriesByName(MEASURES).length > 1000) performance.clearMeasures(MEASURES);
}

/**
 * Draws at most once a frame however often it is asked, and notes how long that took as a
 * performance measure "vae-draw".
 * @param {() => void} draw
 */
export function oncePerFrame(draw) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      const start = performance.now();
      draw();
      performance.measure(MEASURES, { start });
      forgetMeasures();
    });
  };
}

/** Whether the reader has asked for less motion. */
export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * A canvas that keeps its shape and is sharp on every screen.
 * @param {{label: string, aspect?: number, className?: string}} options aspect: width / height
 * @returns {{node: HTMLCanvasElement, begin: () => {context: CanvasRenderingContext2D,
 *   width: number, height: number}}} `begin` clears it; width and height are in CSS pixels
 */
export function canvas({ label, aspect = 1, className = "" }) {
  const node = /** @type {HTMLCanvasElement} */ (
    element("canvas", { className: `vae-canvas ${className}`, role: "img", "aria-label": label })
  );
  node.style.aspectRatio = String(aspect);
  const begin = () => {
    const ratio = window.devicePixelRatio || 1;
    const width = node.clientWidth;
    const height = node.clientHeight;
    const wanted = [Math.round(width * ratio), Math.round(height * ratio)];
    if (node.width !== wanted[0] || node.height !== wanted[1]) [node.width, node.height] = wanted;
    const context = node.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  };
  return { node, begin };
}

/**
 * A square grey image in the page's colours, ink on the ground, dark or light; or a row of them.
 * @param {{label: string, side: number, caption: string, columns?: number}} options side: pixels
 */
export function picture({ label, side, caption, columns = 1 }) {
  const node = /** @type {HTMLCanvasElement} */ (
    element("canvas", { className: "vae-picture", role: "img", "aria-label": label })
  );
  [node.width, node.height] = [columns * side, side];
  const figure = element("div", { className: "vae-labelled" }, node, element("span", {}, caption));
  const context = node.getContext("2d");
  const image = context.createImageData(side, side);
  /**
   * @param {ArrayLike<number>} pixels in [0, 1]
   * @param {string} [text] what the picture shows now
   * @param {number} [column] which image of the row they are
   */
  const draw = (pixels, text, column = 0) => {
    const { ground, ink } = colors(node);
    const [from, to] = [rgb(ground), rgb(ink)];
    for (let i = 0; i < side * side; i += 1) {
      const share = Math.min(Math.max(pixels[i], 0), 1);
      for (let c = 0; c < 3; c += 1) {
        image.data[4 * i + c] = from[c] + share * (to[c] - from[c]);
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, column * side, 0);
    if (text) node.setAttribute("aria-label", text);
  };
  return { node: figure, canvas: node, draw };
}

const known = new Map(); // colours that have been read

/** @param {string} color any CSS colour @returns {number[]} red, green, blue, 0 to 255 */
export function rgb(color) {
  if (!known.has(color)) {
    const context = element("canvas", { width: 1, height: 1 }).getContext("2d");
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    known.set(color, [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return known.get(color);
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
