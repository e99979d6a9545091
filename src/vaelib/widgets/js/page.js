/** What a widget asks of the page that it stands on: colours, and when to draw. */

import { contextOf, element } from "./controls.js";

/**
 * The page's colours as they are now; each is empty while the node is on no page.
 * @param {Element} node
 */
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

const known = new Map(); // colours that have been read

/** @param {string} color any CSS colour @returns {number[]} red, green, blue, 0 to 255 */
export function rgb(color) {
  if (!known.has(color)) {
    const context = contextOf(element("canvas", { width: 1, height: 1 }));
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    known.set(color, [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return known.get(color);
}

/**
 * Calls back whenever a canvas has to be drawn again though the widget is as it was: it comes to
 * the page or into sight, its size changes, the page turns dark or light, or it is moved to a screen
 * of another density. Returns what stops it.
 * @param {Element} node
 * @param {() => void} callback
 */
export function onPageChange(node, callback) {
  const sizes = new ResizeObserver(callback);
  sizes.observe(node);
  const stops = [() => sizes.disconnect(), onTheme(callback), onDensity(callback)];
  return () => stops.forEach((stop) => stop());
}

/** Calls back when the page turns dark or light; returns what stops it. */
function onTheme(callback) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  const observer = new MutationObserver(callback);
  const attributeFilter = ["data-theme", "data-jp-theme-light", "data-jp-theme-name"];
  observer.observe(document.documentElement, { attributeFilter });
  observer.observe(document.body, { attributeFilter });
  return () => {
    media.removeEventListener("change", callback);
    observer.disconnect();
  };
}

/** Calls back when a CSS pixel has another number of the screen's; returns what stops it. */
function onDensity(callback) {
  let media;
  const watch = () => {
    media = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    media.addEventListener("change", changed);
  };
  const stop = () => media.removeEventListener("change", changed);
  const changed = () => {
    stop();
    watch(); // each query knows of one density
    callback();
  };
  watch();
  return stop;
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
 * @returns {(() => void) & {stop: () => void}} asks for it; stopped, it never draws again
 */
export function oncePerFrame(draw) {
  let asked = 0;
  let stopped = false;
  const ask = () => {
    if (stopped) return;
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      const start = performance.now();
      draw();
      performance.measure(MEASURES, { start });
      forgetMeasures();
    });
  };
  const stop = () => {
    stopped = true;
    cancelAnimationFrame(asked);
  };
  return Object.assign(ask, { stop });
}

/** Whether the reader has asked for less motion. */
export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
