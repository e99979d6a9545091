/** A training run to scrub through: the latent map organises itself while the losses move along. */

import { bytesOf, paintCloud } from "./cloud.js";
import { chart, curve, gridX, gridY, panel, words } from "./chart.js";
import {
  announcement,
  button,
  change,
  element,
  mount,
  onChange,
  readout,
  slider,
  text,
} from "./controls.js";
import { fromFloat16 } from "./network.js";
import { reducedMotion } from "./page.js";
import { clamp, dot, line, niceStep, paintAxes } from "./plane.js";

const EPOCH_TIME = 700; // milliseconds for an epoch when it plays
const LONGEST_TICK = 100; // milliseconds: after a stall it goes on from where it was
const UNIT = "nats per image";
const CURVES = ["−ELBO", "reconstruction loss", "KL"];

function readRun(model) {
  const { train, test } = model.get("losses");
  return {
    means: fromFloat16(model.get("means")),
    labels: bytesOf(model.get("labels")),
    last: train[0].length, // epochs
    train,
    test,
  };
}

/** The mean of image n at a time between two epochs, on the straight line between its two places. */
export function meanAt(run, n, time) {
  const [before, share] = [Math.floor(time), time - Math.floor(time)];
  const after = Math.min(before + 1, run.last);
  return [0, 1].map((d) => {
    const [from, to] = [before, after].map((e) => run.means[2 * (e * run.labels.length + n) + d]);
    return from + share * (to - from);
  });
}

/** What the table says of an epoch: the value of each curve on each set of images. */
function lossesAt(run, epoch) {
  const sets = run.test[0].length ? [run.test, run.train] : [run.train];
  const values = CURVES.map((name, i) => {
    const numbers = sets.map((set) => text(set[i][epoch - 1] ?? 0, 1));
    return [name, epoch ? numbers.join(" / ") : "not measured"];
  });
  const measured = run.test[0].length ? "test / train" : "train";
  return Object.fromEntries([[UNIT, measured], ...values]);
}

function paintMap(brush, run, time) {
  paintAxes(brush, brush.extent, ["z₁", "z₂"]);
  const points = Array.from(run.labels, (_, n) => meanAt(run, n, time));
  paintCloud(brush, points, run.labels);
}

/** The brush of a map on a chart's paper: the extent fills its width. */
function mapBrush({ context, width, height, ink }, extent) {
  const scale = width / (extent.right - extent.left);
  /** @param {number[]} point */
  const place = ([x, y]) => [(x - extent.left) * scale, (extent.top - y) * scale];
  return { context, width, height, ink, extent, scale, place };
}

const ROWS = CURVES.map((_, i) => ({ top: 22 + 108 * i, height: 72 }));
const SIDES = { left: 40, right: 12 };

function paintCurves(paper, run, time) {
  ROWS.forEach(({ top, height }, i) => {
    // The first epoch's mean on the training images is far up, and would press the rest flat.
    const values = [...run.train[i].slice(run.last > 1 ? 1 : 0), ...run.test[i]];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0.1 * (high - low), 1e-3);
    const box = { left: SIDES.left, top, width: paper.width - SIDES.left - SIDES.right, height };
    const on = panel(paper, box, [0, run.last], [low - room, high + room]);
    gridX(on, niceStep(Math.max(1, run.last / 10)), i === ROWS.length - 1);
    gridY(on, niceStep((high - low + 2 * room) / 4));
    const color = paper.ink.accent;
    [
      [run.train[i], [5, 4]],
      [run.test[i], []],
    ].forEach(([one, dash]) =>
      curve(
        on,
        one.map((value, e) => [e + 1, value]),
        color,
        { dash },
      ),
    );
    const main = run.test[i].length ? run.test[i] : run.train[i];
    const [x] = on.place([time, low]);
    line(paper.context, paper.ink.ink, [x, top], [x, top + height]);
    if (time >= 1) dot(paper.context, color, on.place([time, between(main, time - 1)]), 5);
    words(paper.context, paper.ink.ink, CURVES[i], box.left, top - 7, 600);
  });
  paper.context.textAlign = "right";
  const told = run.test[0].length ? "solid: test, dashed: train" : "training images";
  words(paper.context, paper.ink.muted, told, paper.width - SIDES.right, ROWS[0].top - 7);
  paper.context.textAlign = "left";
}

/** Why the training curve begins so far up, and may stand above that of the test. */
function curveNote() {
  const told =
    "The training curve is the average during the epoch, and its first epoch lies beyond the plot.";
  const style = "margin: 0.25rem 0 0; color: var(--vae-muted); font-size: 0.85rem";
  return element("p", { style }, told);
}

function between(values, at) {
  const before = Math.floor(at);
  const after = Math.min(before + 1, values.length - 1);
  return values[before] + (at - before) * (values[after] - values[before]);
}

function render({ model, el }) {
  const run = readRun(model);
  const extent = model.get("extent");
  const go = (epoch) => change(model, { epoch: clamp(Math.round(epoch), 0, run.last) });
  let time = model.get("epoch"); // how far it has played, between two epochs
  let playing = 0; // the frame that is asked for
  const shown = () => (playing && !reducedMotion() ? time : model.get("epoch"));

  const aspect = (extent.right - extent.left) / (extent.top - extent.bottom);
  const move = ([right, up]) => leap(model.get("epoch") + right + up);
  const map = chart({
    label: `Latent map of ${run.labels.length} images. Arrow keys move the epoch.`,
    aspect,
    paint: (paper) => paintMap(mapBrush(paper, extent), run, shown()),
    onPress: () => {},
    onDrag: () => {},
    onArrow: move,
  });
  map.node.style.cursor = "default";
  const toEpoch = (place) =>
    (run.last * (place[0] - SIDES.left)) / (curves.node.clientWidth - SIDES.left - SIDES.right);
  const curves = chart({
    label: "Loss curves. Arrow keys move the epoch.",
    aspect: 1,
    paint: (paper) => paintCurves(paper, run, shown()),
    onPress: (place) => leap(toEpoch(place)),
    onDrag: (place) => leap(toEpoch(place)),
    onArrow: move,
  });
  Object.assign(curves.node.style, { aspectRatio: "auto", height: "330px" });

  const scrub = slider({
    label: "epoch",
    min: 0,
    max: run.last,
    step: 1,
    value: time,
    format: (value) => `${value} of ${run.last}`,
    onInput: (value) => leap(value),
  });
  const play = button("play", () => (playing ? pause() : start()));
  const numbers = readout([UNIT, ...CURVES]);
  const spoken = announcement();

  /** Goes to an epoch at once. */
  function leap(epoch) {
    pause();
    go(epoch);
  }

  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    play.textContent = "play";
    draw();
  }

  function start() {
    if (model.get("epoch") >= run.last) go(0);
    time = model.get("epoch");
    play.textContent = "pause";
    let before = performance.now();
    const tick = (now) => {
      time = Math.min(time + clamp(now - before, 0, LONGEST_TICK) / EPOCH_TIME, run.last);
      before = now;
      playing = time < run.last ? requestAnimationFrame(tick) : 0;
      if (Math.floor(time) !== model.get("epoch")) go(Math.floor(time));
      if (!playing) pause();
      else if (!reducedMotion()) draw();
    };
    playing = requestAnimationFrame(tick);
  }

  function draw() {
    map.draw();
    curves.draw();
  }

  /** What the epoch says in words and numbers. */
  function show() {
    const epoch = model.get("epoch");
    if (Math.floor(time) !== epoch) time = epoch; // it was set from elsewhere
    const when = epoch ? `after epoch ${epoch} of ${run.last}` : "before training";
    numbers.set(lossesAt(run, epoch));
    scrub.set(epoch);
    spoken.say(when);
    draw();
  }

  const children = [
    element("div", { className: "vae-wide vae-replay" }, play, scrub.node),
    element("div", {}, map.node, spoken.node),
    element("div", {}, curves.node, ...(run.last > 1 ? [curveNote()] : []), numbers.node),
  ];
  const stop = mount(el, children, [
    map.stop,
    curves.stop,
    spoken.stop,
    pause,
    onChange(model, ["epoch"], show),
  ]);
  show();
  return stop;
}

export default { render };
