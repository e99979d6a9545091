/**
 * Charts whose x and y have scales of their own: panels on one canvas, and what is moved in them.
 *
 * @typedef {[number, number]} Span
 * @typedef {{left: number, top: number, width: number, height: number}} Box  CSS pixels
 * @typedef {{context: CanvasRenderingContext2D, width: number, height: number,
 *   ink: ReturnType<typeof colors>}} Paper
 * @typedef {Paper & {box: Box, x: Span, y: Span, place: (point: Span) => Span}} Panel
 *   `place` turns a point of the panel into CSS pixels
 */

import { canvas } from "./canvas.js";
import { text } from "./controls.js";
import { colors, onPageChange, oncePerFrame } from "./page.js";
import { ARROWS, line } from "./plane.js";
import { followPointer } from "./pointer.js";

/**
 * A canvas that is drawn again when the page changes and passes on what mouse, finger and keys do.
 * @param {{label: string, aspect: number, paint: (paper: Paper) => void,
 *   onPress: (place: Span, reach: number) => void, onDrag: (place: Span) => void,
 *   onArrow: (direction: Span, large: boolean) => void}} options
 *   places are in CSS pixels; `reach` is how near to a thing counts as on it
 * @returns {{node: HTMLCanvasElement, draw: () => void, stop: () => void}}
 */
export function chart({ label, aspect, paint, onPress, onDrag, onArrow }) {
  const { node, begin } = canvas({ label, aspect, className: "vae-chart" });
  node.tabIndex = 0;
  node.setAttribute("role", "application");
  const draw = oncePerFrame(() => {
    const paper = begin();
    if (paper.width) paint({ ...paper, ink: colors(node) }); // else not on the page, or hidden
  });
  listenToPointer(node, onPress, onDrag);
  node.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    onArrow(arrow, event.shiftKey);
  });
  const stopWatching = onPageChange(node, draw);
  const stop = () => {
    stopWatching();
    draw.stop();
  };
  return { node, draw, stop };
}

const SLOP = 6; // CSS pixels that a finger moves in a tap

/**
 * Mouse and pen act at once. A finger acts once it has moved sideways, or with a tap: moved up or
 * down it scrolls the page, and nothing else.
 */
function listenToPointer(node, onPress, onDrag) {
  let pressed = { start: [0, 0], reach: 0, acts: false };
  const act = () => {
    pressed.acts = true;
    onPress(pressed.start, pressed.reach);
  };
  const moved = ([x, y]) => [Math.abs(x - pressed.start[0]), Math.abs(y - pressed.start[1])];
  followPointer(node, {
    onPress: (start, type) => {
      const isFinger = type === "touch";
      pressed = { start, reach: isFinger ? 28 : 14, acts: false };
      if (!isFinger) act();
    },
    onMove: (spots) => {
      const spot = spots[spots.length - 1];
      const [across, along] = moved(spot);
      if (!pressed.acts && across > SLOP && across > along) act();
      if (pressed.acts) onDrag(spot);
    },
    onRelease: (spot) => {
      if (!pressed.acts && Math.max(...moved(spot)) <= SLOP) act();
    },
  });
}

/** @param {Paper} paper @param {Box} box @param {Span} x @param {Span} y @returns {Panel} */
export function panel(paper, box, x, y) {
  /** @param {Span} point @returns {Span} */
  const place = ([atX, atY]) => [
    box.left + ((atX - x[0]) / (x[1] - x[0])) * box.width,
    box.top + ((y[1] - atY) / (y[1] - y[0])) * box.height,
  ];
  return { ...paper, box, x, y, place };
}

/** Lines at round numbers of x, with the numbers below if wanted. */
export function gridX({ context, box, x, y, place, ink }, step, numbers) {
  context.lineWidth = 1;
  context.textAlign = "center";
  for (let at = Math.ceil(x[0] / step) * step; at <= x[1]; at += step) {
    const foot = place([at, y[0]]);
    line(context, ink.grid, [foot[0], box.top], foot);
    if (numbers) words(context, ink.muted, roundNumber(at, step), foot[0], foot[1] + 14);
  }
  context.textAlign = "left";
}

/** Lines at round numbers of y, with the numbers to the left. */
export function gridY({ context, box, y, place, x, ink }, step) {
  context.lineWidth = 1;
  context.textAlign = "right";
  for (let i = Math.ceil(y[0] / step); i * step <= y[1]; i += 1) {
    const start = place([x[0], i * step]);
    line(context, i ? ink.grid : ink.muted, start, [box.left + box.width, start[1]]);
    words(context, ink.muted, roundNumber(i * step, step), start[0] - 5, start[1] + 4);
  }
  context.textAlign = "left";
}

/** A number of an axis with as many digits as its step has, and a power of ten where it is large. */
export function roundNumber(number, step) {
  if (Math.abs(number) >= 1e5) {
    const short = Number(number.toPrecision(6)).toExponential(); // without the noise of i * step
    return short.replace("e+", "e").replace("-", "−");
  }
  const digits = String(Number(step.toPrecision(6))).split(".")[1]?.length ?? 0;
  return text(number, digits);
}

/** A piece of text in the widgets' type. */
export function words(context, color, what, x, y, weight = 400) {
  context.font = `${weight} 12px system-ui, sans-serif`;
  context.fillStyle = color;
  context.fillText(what, x, y);
}

/** Draws with nothing outside the panel's box. */
export function inside({ context, box }, paint) {
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  paint();
  context.restore();
}

/**
 * The line through points of the panel.
 * @param {Panel} on @param {Span[]} points @param {string} color
 * @param {{thickness?: number, dash?: number[]}} [style]
 */
export function curve(on, points, color, style = {}) {
  const { thickness = 2, dash = [] } = style;
  const { context } = on;
  inside(on, () => {
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.setLineDash(dash);
    context.beginPath();
    for (const point of points) context.lineTo(...on.place(point));
    context.stroke();
  });
}

/** The area between a line and y = 0, in one colour or hatched with it. */
export function area(on, points, color, hatched = false) {
  const { context, box } = on;
  inside(on, () => {
    context.beginPath();
    context.lineTo(...on.place([points[0][0], 0]));
    for (const point of points) context.lineTo(...on.place(point));
    context.lineTo(...on.place([points.at(-1)[0], 0]));
    context.closePath();
    context.fillStyle = color;
    if (!hatched) return context.fill();
    context.clip();
    context.lineWidth = 1.5;
    for (let x = box.left - box.height; x < box.left + box.width; x += 6) {
      line(context, color, [x, box.top + box.height], [x + box.height, box.top]);
    }
  });
}

/** The smallest of 0.5, 1, 2, 5, 10, 20, ... that is at least `number`: a top for an axis. */
export function roundTop(number) {
  let [top, factors] = [0.5, [2, 2, 2.5]];
  for (let i = 0; top < number && i < 60; i += 1) top *= factors[i % 3];
  return top;
}
