/**
 * Stored runs in the plane of rate and distortion, and the KL of the latents of one of them.
 *
 * @typedef {{rate: number, distortion: number, height: number, active: number, kl: number[]}} Run
 * @typedef {{name: string, title: string, control: string, names: string[], marks: string[], slopes: number[],
 *   runs: Run[][], corner: number | null, linear: [number, number][], grey: boolean,
 *   priced: boolean, x: [number, number], y: [number, number], made: string, start: number}} Sweep
 *   `runs[step][seed]`; `height` is where a run lies above its rate; `corner` that of a silent code
 * @typedef {{step: number, seed: number, run: Run}} Choice
 */

import { canvas } from "./canvas.js";
import { curve, gridX, gridY, inside, panel, words } from "./chart.js";
import { PALETTE, text } from "./controls.js";
import { colors, onPageChange, oncePerFrame } from "./page.js";
import { clamp, dot, line, niceStep, ring } from "./plane.js";

const MARGIN = { left: 44, right: 12, top: 26, bottom: 36 };
const LOWEST = -4; // the power of ten where the logarithmic axis of the KL begins

/** @param {Sweep} sweep @returns {Choice[]} its runs with the places that they have in it */
export function choicesOf(sweep) {
  return sweep.runs.flatMap((seeds, step) => seeds.map((run, seed) => ({ step, seed, run })));
}

/** @returns {number} minus the ELBO, in nats */
export const totalOf = ({ rate, distortion }) => rate + distortion;

/** The part of a canvas in which the plane of a sweep is drawn. */
function planeOf(paper, sweep) {
  const box = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: paper.width - MARGIN.left - MARGIN.right,
    height: paper.height - MARGIN.top - MARGIN.bottom,
  };
  return panel(paper, box, sweep.x, sweep.y);
}

/**
 * The run that is nearest to a place on the canvas, in CSS pixels.
 * @param {{width: number, height: number}} size @param {Sweep} sweep @param {[number, number]} spot
 * @returns {Choice}
 */
export function nearestRun(size, sweep, [x, y]) {
  const { place } = planeOf(size, sweep);
  const far = ({ run }) => {
    const [atX, atY] = place([run.rate, run.height]);
    return Math.hypot(x - atX, y - atY);
  };
  return choicesOf(sweep).reduce((best, one) => (far(one) < far(best) ? one : best));
}

/**
 * The next run to the right or the left, or above or below, if there is one.
 * @param {Sweep} sweep @param {Choice} from @param {[number, number]} direction
 */
export function nextRun(sweep, { step, seed }, [right, up]) {
  const along = right ? ["rate", "height"] : ["height", "rate"];
  const sorted = choicesOf(sweep).sort(
    (one, other) =>
      one.run[along[0]] - other.run[along[0]] || one.run[along[1]] - other.run[along[1]],
  );
  const at = sorted.findIndex((one) => one.step === step && one.seed === seed);
  return sorted[clamp(at + (right || up), 0, sorted.length - 1)];
}

/**
 * @param {any} paper @param {Sweep} sweep @param {Sweep[]} others sweeps in the same plane
 * @param {Choice} chosen
 */
export function paintPlane(paper, sweep, others, chosen) {
  const on = planeOf(paper, sweep);
  const { context, ink, box } = on;
  gridX(on, niceStep((sweep.x[1] - sweep.x[0]) / 8), true);
  gridY(on, niceStep((sweep.y[1] - sweep.y[0]) / 6));
  words(context, ink.ink, `${nameOfHeight(sweep)}${sweep.grey ? "" : ", nats"}`, 4, 15, 600);
  context.textAlign = "right";
  words(context, ink.ink, "rate, nats", box.left + box.width, paper.height - 5, 600);
  context.textAlign = "left";
  if (!sweep.grey) paintElbos(on);
  curve(on, sameLoss(sweep, chosen), ink.accent, { thickness: 1.5, dash: [5, 4] });
  if (sweep.priced) paintPrice(on, sweep, chosen);
  paintBounds(on, sweep);
  paintRuns(on, sweep, others, chosen);
}

/** Words that no line crosses: around them lies the colour of the ground. */
function label({ context, ink }, color, what, x, y, weight = 400) {
  context.font = `${weight} 12px system-ui, sans-serif`;
  context.lineJoin = "round";
  context.lineWidth = 5;
  context.strokeStyle = ink.ground;
  context.strokeText(what, x, y);
  words(context, color, what, x, y, weight);
}

/** What no run of a sweep gets beyond: the corners, and the best linear models. */
function paintBounds(on, sweep) {
  const { context, ink, box, x, y } = on;
  if (sweep.linear.length) {
    curve(on, sweep.linear, PALETTE[6]);
    const [atX, atY] = on.place(sweep.linear[Math.floor(sweep.linear.length / 3)]);
    label(on, ink.ink, "best linear model", atX + 4, atY - 6);
  }
  if (sweep.corner === null) return;
  const [atX, atY] = on.place([0, sweep.corner]);
  line(context, ink.muted, [atX, box.top], on.place([0, y[0]]));
  context.lineWidth = 2;
  context.strokeStyle = PALETTE[6];
  context.strokeRect(atX - 8, atY - 8, 16, 16);
  label(on, ink.ink, `rate 0, a silent code: ${text(sweep.corner, 1)}`, atX + 42, atY + 20);
  const foot = on.place([x[1], y[0]]);
  context.textAlign = "right";
  label(on, ink.ink, `${nameOfHeight(sweep)} 0: the code says all`, foot[0], foot[1] - 6);
  context.textAlign = "left";
}

const nameOfHeight = ({ grey }) => (grey ? "squared error" : "distortion");

/** Lines on each of which minus the ELBO is the same, with its nats where it leaves the plane. */
function paintElbos(on) {
  const { x, y, ink, context } = on;
  const step = niceStep((x[1] + y[1] - x[0] - y[0]) / 10);
  for (let nats = Math.ceil((x[0] + y[0]) / step) * step; nats < x[1] + y[1]; nats += step) {
    curve(
      on,
      [x[0], x[1]].map((rate) => [rate, nats - rate]),
      ink.muted,
      { thickness: 0.75 },
    );
    const isHigh = nats - y[1] > x[0] + 0.06 * (x[1] - x[0]); // it comes in through the upper edge
    const [atX, atY] = on.place(isHigh ? [nats - y[1], y[1]] : [x[1], nats - x[1]]);
    if (atY > on.box.top + on.box.height - 24) continue; // where it would be on other words
    context.textAlign = isHigh ? "left" : "right";
    const [shiftX, shiftY] = isHigh ? [5, 12] : [-2, -4];
    inside(on, () => label(on, ink.muted, String(nats), atX + shiftX, atY + shiftY));
  }
  context.textAlign = "left";
}

/** The line on which the loss of the chosen run is the same: with β before the rate, or 2s². */
function sameLoss(sweep, { step, run }) {
  return sweep.x.map((rate) => [rate, run.height - sweep.slopes[step] * (rate - run.rate)]);
}

/** From the line on which minus the ELBO is that of no remedy up to the chosen run: its price. */
function paintPrice(on, sweep, { run, seed }) {
  const total = totalOf(sweep.runs[0][seed]);
  const points = sweep.x.map((rate) => [rate, total - rate]);
  curve(on, points, PALETTE[6], { thickness: 2 });
  const foot = /** @type {[number, number]} */ ([run.rate, total - run.rate]);
  curve(on, [foot, [run.rate, run.height]], PALETTE[6], { thickness: 3 });
}

function paintRuns(on, sweep, others, chosen) {
  const { context, ink } = on;
  const spot = (run) => on.place([run.rate, run.height]);
  inside(on, () => {
    for (const { run } of others.flatMap(choicesOf)) ring(context, ink.muted, 1, spot(run), 3);
  });
  if (sweep.corner !== null) {
    curve(
      on,
      sweep.runs.map(([run]) => [run.rate, run.height]),
      PALETTE[0],
    );
  }
  const [x, y] = spot(chosen.run);
  ring(context, ink.ground, 6, [x, y], 9);
  ring(context, ink.ink, 2.5, [x, y], 9);
  for (const { run, seed } of choicesOf(sweep)) {
    const [left, top] = spot(run);
    if (seed === 0) dot(context, PALETTE[0], [left, top], 5);
    else context.fillRect(left - 4.5, top - 4.5, 9, 9); // in the colour of the circle before it
  }
  paintMarks(on, sweep, chosen);
  const name = sweep.names[chosen.step];
  context.textAlign = x > on.box.left + 0.7 * on.box.width ? "right" : "left";
  label(on, ink.ink, name, x + (context.textAlign === "right" ? -14 : 14), y - 10, 600);
  context.textAlign = "left";
}

/** A short name beside each run but the chosen one, if there is room. */
function paintMarks(on, sweep, chosen) {
  const named = [on.place([chosen.run.rate, chosen.run.height])];
  sweep.marks.forEach((mark, step) => {
    const [{ rate, height }] = sweep.runs[step];
    const [x, y] = on.place([rate, height]);
    if (named.some((spot) => Math.hypot(x - spot[0], y - spot[1]) < 12)) return;
    label(on, on.ink.muted, mark, x + 9, y - 6);
    named.push([x, y]);
  });
}

/**
 * A picture of the KL of each latent: the active ones filled, with a line at the threshold.
 * @param {() => {run: Run, top: number, threshold: number, logarithmic: boolean}} shown
 */
export function klBars(shown) {
  const { node, begin } = canvas({ label: "", aspect: 1.5 });
  const draw = oncePerFrame(() => {
    const paper = begin();
    if (paper.width) paintBars({ ...paper, ink: colors(node) }, shown());
  });
  const set = (label) => {
    node.setAttribute("aria-label", label);
    draw();
  };
  const stopWatching = onPageChange(node, draw);
  const stop = () => {
    stopWatching();
    draw.stop();
  };
  return { node, set, stop };
}

function paintBars(paper, { run, top, threshold, logarithmic }) {
  const { context, ink } = paper;
  const box = { left: 52, top: 26, width: paper.width - 64, height: paper.height - 50 };
  const y = /** @type {[number, number]} */ (logarithmic ? [LOWEST, Math.log10(top)] : [0, top]);
  const on = panel(paper, box, [0.3, run.kl.length + 0.7], y);
  const at = (nats) => (logarithmic ? Math.log10(Math.max(nats, 10 ** (LOWEST - 1))) : nats);
  if (logarithmic) paintPowers(on);
  else gridY(on, niceStep(top / 5));
  words(context, ink.ink, "KL, nats", 4, 15, 600);
  context.textAlign = "center";
  for (let rank = 5; rank <= run.kl.length; rank += 5) {
    words(context, ink.muted, String(rank), on.place([rank, 0])[0], box.top + box.height + 15);
  }
  context.textAlign = "left";
  inside(on, () =>
    run.kl.forEach((nats, i) => {
      const [left, high] = on.place([i + 0.6, at(nats)]);
      const [right, low] = on.place([i + 1.4, y[0]]);
      const area = /** @type {const} */ ([left, high, right - left, Math.max(low - high, 0)]);
      context.fillStyle = PALETTE[0];
      context.strokeStyle = ink.muted;
      context.lineWidth = 1.5;
      if (i < run.active) context.fillRect(...area);
      else if (area[3] > 0.5) context.strokeRect(...area);
    }),
  );
  const edge = on.place([on.x[0], at(threshold)])[1];
  context.setLineDash([5, 4]);
  context.lineWidth = 1.5;
  line(context, PALETTE[6], [box.left, edge], [box.left + box.width, edge]);
  context.setLineDash([]);
  context.textAlign = "right";
  const told = `${run.active} active: above ${threshold} nats`;
  words(context, ink.ink, told, box.left + box.width, 15, 600);
  context.textAlign = "left";
}

/** The lines of a logarithmic axis, one for each power of ten. */
function paintPowers(on) {
  const { context, ink, box } = on;
  context.lineWidth = 1;
  context.textAlign = "right";
  for (let power = LOWEST; power <= on.y[1]; power += 1) {
    const start = on.place([on.x[0], power]);
    line(context, power > LOWEST ? ink.grid : ink.muted, start, [box.left + box.width, start[1]]);
    words(context, ink.muted, text(10 ** power, Math.max(0, -power)), start[0] - 4, start[1] + 4);
  }
  context.textAlign = "left";
}
