/**
 * A plane with axes in which a point is moved with mouse, pen, finger or arrow keys.
 *
 * @typedef {[number, number]} Point
 * @typedef {{left: number, right: number, bottom: number, top: number}} Extent
 * @typedef {{context: CanvasRenderingContext2D, width: number, height: number,
 *   place: (point: Point) => Point, scale: number, ink: ReturnType<typeof colors>}} Brush
 *   `place` turns a point of the plane into CSS pixels; `scale` is CSS pixels for a unit
 */

import { canvas } from "./canvas.js";
import { contextOf } from "./controls.js";
import { colors, onPageChange, oncePerFrame } from "./page.js";
import { followPointer, isOn } from "./pointer.js";

/** @type {Record<string, Point>} */
export const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowDown: [0, -1],
  ArrowUp: [0, 1],
};

/**
 * @param {{label: string, extent: Extent, axes: [string, string], value?: () => Point,
 *   onMove?: (point: Point) => void, onPick?: (point: Point, reach: number) => void,
 *   paintGround?: (brush: Brush) => void, paint: (brush: Brush) => void}} options
 *   without `onMove` it is a picture, in which nothing can be moved;
 *   `paintGround` is what does not move and is drawn again only when the page changes;
 *   `onPick` is called for a click without a drag, with the reach of a finger in units
 * @returns {{node: HTMLCanvasElement, draw: () => void, drawAgain: () => void,
 *   zoom: (factor: number, centre: Point) => void, stop: () => void}}
 *   `draw` draws what moves in the next frame, `drawAgain` everything
 */
export function plane(options) {
  const { label, value, onMove, onPick } = options;
  let extent = options.extent; // what is in view
  let factor = 1; // how many times larger than the whole
  const spanX = () => extent.right - extent.left;
  const spanY = () => extent.top - extent.bottom;
  const { node, begin } = canvas({ label, aspect: spanX() / spanY() });

  const scaleNow = () => node.clientWidth / spanX();
  /** @param {Point} point @returns {Point} */
  const place = ([x, y]) => [(x - extent.left) * scaleNow(), (extent.top - y) * scaleNow()];
  /** @param {Point} spot @returns {Point} */
  const pointAt = ([x, y]) => [
    extent.left + clamp(x / node.clientWidth, 0, 1) * spanX(),
    extent.top - clamp(y / node.clientHeight, 0, 1) * spanY(),
  ];

  const ground = document.createElement("canvas");
  let groundIsOld = true;
  const paintAll = () => {
    const { context, width, height } = begin();
    if (!width) return; // not on the page yet, or hidden
    const brush = { context, width, height, place, scale: scaleNow(), ink: colors(node) };
    if (groundIsOld || ground.width !== node.width) {
      [ground.width, ground.height] = [node.width, node.height];
      const still = contextOf(ground);
      still.setTransform(context.getTransform());
      const below = { ...brush, context: still };
      paintAxes(below, extent, options.axes);
      options.paintGround?.(below);
      groundIsOld = false;
    }
    context.save();
    context.resetTransform();
    context.drawImage(ground, 0, 0);
    context.restore();
    options.paint({ ...brush, context });
  };
  const draw = oncePerFrame(paintAll);
  const drawAgain = () => {
    groundIsOld = true;
    draw();
  };

  if (onMove) {
    node.tabIndex = 0;
    node.classList.add("vae-plane");
    node.setAttribute("role", "application");
    node.setAttribute("aria-roledescription", "plane with a movable point");
    let pressed = { at: [0, 0], isFinger: false, scrolls: false, dragged: false };
    const grips = () => (value ? [gripOf(place(value()), node)] : []);
    followPointer(node, {
      onPress: (at, type) => {
        const isFinger = type === "touch";
        pressed = { at, isFinger, scrolls: isFinger && !isOn(at, grips()), dragged: false };
      },
      onMove: (spots) => {
        const [x, y] = spots[spots.length - 1];
        const [right, down] = [Math.abs(x - pressed.at[0]), Math.abs(y - pressed.at[1])];
        const far = pressed.scrolls && down > right ? 0 : Math.hypot(right, down);
        pressed.dragged ||= far > (pressed.isFinger ? 6 : 3); // a finger in a tap trembles
        if (pressed.dragged) onMove(pointAt([x, y]));
      },
      onRelease: (at) => {
        if (pressed.dragged) return;
        if (onPick) onPick(pointAt(at), (pressed.isFinger ? 20 : 8) / scaleNow());
        else onMove(pointAt(at));
      },
      grips,
    });
  }
  node.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || !onMove || !value || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const step = (event.shiftKey ? 0.05 : 0.01) * spanX();
    const [x, y] = value();
    const whole = options.extent; // a point that is beyond it already is not pulled back
    /** @type {Point} */
    const to = [
      clamp(x + step * arrow[0], Math.min(whole.left, x), Math.max(whole.right, x)),
      clamp(y + step * arrow[1], Math.min(whole.bottom, y), Math.max(whole.top, y)),
    ];
    onMove(to);
    if (factor > 1 && !isInside(to, extent)) zoom(factor, to); // the view follows
  });

  /**
   * Shows the plane so many times larger around a point, or as a whole.
   * @param {number} times @param {Point} centre
   */
  const zoom = (times, [x, y]) => {
    factor = times;
    const whole = options.extent;
    const [halfX, halfY] = [
      (whole.right - whole.left) / 2 / factor,
      (whole.top - whole.bottom) / 2 / factor,
    ];
    const around = { left: x - halfX, right: x + halfX, bottom: y - halfY, top: y + halfY };
    extent = factor === 1 ? whole : around;
    drawAgain();
  };

  const stopWatching = onPageChange(node, drawAgain);
  const stop = () => {
    stopWatching();
    draw.stop();
  };
  return { node, draw, drawAgain, zoom, stop };
}

/** @param {Point} point @param {Extent} extent @returns {boolean} */
export function isInside([x, y], { left, right, bottom, top }) {
  return left <= x && x <= right && bottom <= y && y <= top;
}

/** @returns {number} the value, or the end of the interval that it lies beyond */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** Lines at round numbers of both coordinates, with the numbers, and the names of the axes. */
export function paintAxes({ context, place, scale, ink }, extent, [nameX, nameY]) {
  const step = niceStep(60 / scale);
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 1;
  const [right, low] = place([extent.right, extent.bottom]);
  for (const x of ticks(extent.left, extent.right, step)) {
    const [at] = place([x, 0]);
    line(context, x === 0 ? ink.muted : ink.grid, [at, 0], [at, low]);
    write(context, ink.muted, shown(x, step), at + 3, low - 4);
  }
  for (const y of ticks(extent.bottom, extent.top, step)) {
    const at = place([0, y])[1];
    line(context, y === 0 ? ink.muted : ink.grid, [0, at], [right, at]);
    write(context, ink.muted, shown(y, step), 3, at - 3);
  }
  context.textAlign = "right";
  write(context, ink.ink, nameX, right - 4, low - 18);
  context.textAlign = "left";
  write(context, ink.ink, nameY, 22, 14);
}

function shown(number, step) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return number.toFixed(digits).replace("-", "−");
}

/** @param {number} least the smallest step allowed @returns {number} 1, 2 or 5 times a power of 10 */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  const wanted = least * (1 - 1e-9);
  return power * ([1, 2, 5].find((factor) => factor * power >= wanted) ?? 10);
}

function ticks(low, high, step) {
  const first = Math.ceil(low / step + 0.2);
  const count = Math.floor(high / step - 0.2) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => (first + i) * step);
}

export function line(context, color, from, to) {
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function write(context, color, words, x, y) {
  context.fillStyle = color;
  context.fillText(words, x, y);
}

/** A filled point. */
export function dot(context, color, [x, y], radius) {
  context.fillStyle = color;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/**
 * An open circle.
 * @param {CanvasRenderingContext2D} context @param {string} color @param {number} thickness
 * @param {number[]} centre @param {number} radius
 */
export function ring(context, color, thickness, centre, radius) {
  const [x, y] = centre;
  context.strokeStyle = color;
  context.lineWidth = thickness;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/** Where the movable point is taken hold of. @param {Point} at @returns {Point} */
function gripOf([x, y], { clientWidth, clientHeight }) {
  return [clamp(x, 9, clientWidth - 9), clamp(y, 9, clientHeight - 9)];
}

/** The movable point: a ring with a cross, seen on any ground; at the edge if it lies beyond it. */
export function cursor({ context, width, height, place, ink }, point) {
  const [x, y] = place(point);
  const [atX, atY] = [clamp(x, 9, width - 9), clamp(y, 9, height - 9)];
  for (const [color, thickness] of [
    [ink.ground, 6],
    [ink.ink, 2.5],
  ]) {
    context.lineWidth = thickness;
    context.strokeStyle = color;
    context.beginPath();
    context.arc(atX, atY, 8, 0, 2 * Math.PI);
    context.moveTo(atX - 3, atY);
    context.lineTo(atX + 3, atY);
    context.moveTo(atX, atY - 3);
    context.lineTo(atX, atY + 3);
    context.stroke();
  }
}

/** The ellipses one and two standard deviations around a diagonal Gaussian's mean. */
export function ellipses({ context, place, scale }, color, mean, sigma) {
  const [x, y] = place(mean);
  context.strokeStyle = color;
  for (const count of [1, 2]) {
    context.lineWidth = 2;
    context.setLineDash(count === 1 ? [] : [5, 4]);
    context.beginPath();
    context.ellipse(x, y, count * sigma[0] * scale, count * sigma[1] * scale, 0, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}
