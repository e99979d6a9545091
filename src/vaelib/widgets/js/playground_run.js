/**
 * What a playground remembers of a run, and the chart of it: -ELBO and its two terms on the test
 * digits, and the same of a run that was kept, in grey.
 *
 * @typedef {{epoch: number, values: number[]}} Moment  -ELBO, reconstruction loss, KL, in nats
 */

import { canvas } from "./canvas.js";
import { curve, gridX, gridY, panel, words } from "./chart.js";
import { text } from "./controls.js";
import { colors, onPageChange, oncePerFrame } from "./page.js";
import { niceStep } from "./plane.js";

export const CURVES = ["−ELBO", "reconstruction loss", "KL"];
const MOST = 400; // moments that are kept of a run, however long it is

/** Moments of a run: when they are too many, every other one is forgotten. */
export function newHistory() {
  /** @type {Moment[]} */
  let moments = [];
  let every = 1;
  let seen = 0;
  const add = (moment) => {
    if (seen % every === 0) moments.push(moment);
    seen += 1;
    if (moments.length <= MOST) return;
    moments = moments.filter((_, i) => i % 2 === 0);
    every *= 2;
  };
  return { add, moments: () => moments };
}

/** A number of nats, in few characters however large it is. */
export function natsText(number) {
  if (number === undefined) return "–";
  if (!Number.isFinite(number)) return "not a number";
  if (Math.abs(number) < 1e5) return text(number, 1);
  return number.toExponential(1).replace("e+", "e").replace("-", "−");
}

/** Why training has stopped by itself, and what a reader can do. */
export function divergedText({ loss, before }) {
  const what = Number.isFinite(loss)
    ? `the loss is ${natsText(loss)} nats, and for 60 steps it has been far above the ` +
      `${natsText(before)} nats from before training`
    : "the loss is no longer a number";
  return (
    `Training has stopped: ${what}. Lower the learning rate, or mend the loss, and reset for ` +
    "new weights."
  );
}

/**
 * The lowest and the highest value worth seeing: the first epoch's fall would press the rest flat.
 * @returns {[number, number]}
 */
export function rangeOf(moments, i) {
  const late = moments.filter(({ epoch }) => epoch >= 0.5);
  const values = (late.length > 1 ? late : moments).map(({ values }) => values[i]);
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const room = Math.max(0.08 * (high - low), 1e-3 * Math.abs(high), 0.5);
  return [low - room, high + room];
}

/**
 * @param {() => Moment[]} moments of the run @param {() => Moment[]} kept of the one kept
 */
export function runChart(moments, kept) {
  const { node, begin } = canvas({ label: "No curves yet", aspect: 1 });
  Object.assign(node.style, { aspectRatio: "auto", height: "320px" });
  const draw = oncePerFrame(() => {
    const paper = begin();
    if (!paper.width) return;
    const ink = colors(node);
    const both = [...moments(), ...kept()];
    const last = Math.max(1, ...both.map(({ epoch }) => epoch));
    CURVES.forEach((name, i) => {
      const box = { left: 46, top: 20 + 104 * i, width: paper.width - 58, height: 70 };
      const range = rangeOf(both, i);
      const on = panel({ ...paper, ink }, box, [0, last], range);
      gridX(on, niceStep(last / 8), i === CURVES.length - 1);
      gridY(on, niceStep((range[1] - range[0]) / 3));
      const lineOf = (all) => all.map(({ epoch, values }) => [epoch, values[i]]);
      curve(on, lineOf(kept()), ink.muted, { dash: [5, 4] });
      curve(on, lineOf(moments()), ink.accent);
      words(paper.context, ink.ink, name, box.left, box.top - 7, 600);
    });
    paper.context.textAlign = "right";
    const told = kept().length ? "dashed: the run that you kept" : "test digits, nats; by epoch";
    words(paper.context, ink.muted, told, paper.width - 12, 13);
    paper.context.textAlign = "left";
  });
  const stopWatching = onPageChange(node, draw);
  const stop = () => {
    stopWatching();
    draw.stop();
  };
  return { node, draw, stop };
}
