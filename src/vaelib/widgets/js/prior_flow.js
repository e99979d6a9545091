/** Noise that flows to a learned prior, over the codes of images, and what is decoded of it. */

import { picture } from "./canvas.js";
import { bytesOf, paintCloud, paintLabels, pairsOf } from "./cloud.js";
import {
  announcement,
  button,
  change,
  element,
  mount,
  onChange,
  slider,
  text,
} from "./controls.js";
import { Network, fromFloat16, normals, probabilities } from "./network.js";
import { oncePerFrame, reducedMotion } from "./page.js";
import { clamp, dot, plane } from "./plane.js";

const [COLUMNS, ROWS] = [4, 6]; // of the draws that are decoded
const SHOWN = COLUMNS * ROWS;
const GAP = 2; // pixels between their images
const STEP = 0.01; // of t
const DURATION = 4000; // milliseconds from 0 to 1 when it plays
const LONGEST_TICK = 100; // milliseconds: after a stall it goes on from where it was

function readFlow(model) {
  return {
    ...model.get("frame"),
    codes: pairsOf(fromFloat16(model.get("codes"))),
    labels: bytesOf(model.get("labels")),
    side: model.get("side"),
    velocity: new Network(model.get("flow")),
    decoder: new Network(model.get("decoder")),
  };
}

/** Where a draw of noise is after each step of Heun's method, in standardised coordinates. */
function wayOf({ velocity, steps }, noise) {
  const way = [noise];
  for (let number = 0; number < steps; number += 1) {
    const at = way[number];
    const first = velocity.run([...at, number / steps]);
    const ahead = at.map((value, d) => value + first[d] / steps);
    const second = velocity.run([...ahead, (number + 1) / steps]);
    way.push(at.map((value, d) => value + (first[d] + second[d]) / 2 / steps));
  }
  return way;
}

/** Where in the latent plane a draw is at t, from N(0, I) at 0 to the prior at 1. */
function placeAt({ steps, middle, spread }, way, t) {
  const before = Math.min(Math.floor(t * steps), steps - 1);
  const share = t * steps - before;
  return [0, 1].map((d) => {
    const u = way[before][d] + share * (way[before + 1][d] - way[before][d]);
    return t * middle[d] + (1 - t + t * spread[d]) * u;
  });
}

function render({ model, el }) {
  const flow = readFlow(model);
  /** @type {number[][][]} of each draw */
  let ways = [];
  const count = flow.codes.length;
  const map = plane({
    label: `Map of ${count} codes, coloured by label, and draws on their way from noise to the prior`,
    extent: model.get("extent"),
    axes: ["z₁", "z₂"],
    paintGround: (brush) => paintCloud(brush, flow.codes, flow.labels, 0.3),
    paint: (brush) => {
      paintDraws(brush, flow, ways, model.get("t"));
      paintLabels(brush, flow.codes, flow.labels); // which the draws have covered
    },
  });
  const [before, now] = [gridOf(flow), gridOf(flow)];
  before.caption("t = 0: N(0, I)");
  const spoken = announcement();
  const scrub = slider({
    label: "t",
    min: 0,
    max: 1,
    step: STEP,
    value: model.get("t"),
    onInput: (t) => {
      pause();
      change(model, { t });
    },
  });
  scrub.node.style.gridTemplateColumns = "auto 1fr 3rem";
  const play = button("play", () => (playing ? pause() : start()));
  const again = button("draw again", () => {
    const seed = model.get("seed") + 1;
    change(model, { seed, eps: Array.from(model.get("eps"), normals(seed)) });
  });
  let playing = 0; // the frame that is asked for

  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    play.textContent = "play";
  }

  function start() {
    if (reducedMotion()) return change(model, { t: model.get("t") < 1 ? 1 : 0 });
    let time = model.get("t") < 1 ? model.get("t") : 0;
    play.textContent = "pause";
    let last = performance.now();
    const tick = (stamp) => {
      time = Math.min(time + clamp(stamp - last, 0, LONGEST_TICK) / DURATION, 1);
      last = stamp;
      const t = Math.round(time / STEP) * STEP;
      if (t !== model.get("t")) change(model, { t });
      if (t < 1) playing = requestAnimationFrame(tick);
      else pause();
    };
    playing = requestAnimationFrame(tick);
  }

  const show = oncePerFrame(() => {
    const t = model.get("t");
    scrub.set(t);
    const places = ways.slice(0, SHOWN).map((way) => placeAt(flow, way, t));
    now.draw(places, `what is decoded of the same draws at t = ${text(t)}`);
    now.caption(`t = ${text(t)}${t === 1 ? ": learned prior" : ", same draws"}`);
    const where = t === 0 ? "from N(0, I)" : t === 1 ? "from the learned prior" : "on their way";
    spoken.say(`${ways.length} draws ${where}, t = ${text(t)}`);
  });
  const moved = () => {
    show();
    map.draw();
  };
  const drawAgain = oncePerFrame(() => {
    const noise = pairsOf(model.get("eps"));
    ways = noise.map((each) => wayOf(flow, each));
    before.draw(noise.slice(0, SHOWN), "what is decoded of draws from N(0, I)");
    moved();
  });

  const grids = element("div", { className: "vae-pair" }, before.node, now.node);
  const children = [
    element("div", { className: "vae-wide vae-replay" }, play, scrub.node),
    element("div", {}, map.node, spoken.node),
    element("div", {}, grids, element("div", { className: "vae-buttons" }, again)),
  ];
  const stop = mount(el, children, [
    ...[map, before, now, spoken, show, drawAgain].map((part) => part.stop),
    pause,
    onChange(model, ["t"], moved),
    onChange(model, ["eps"], drawAgain),
  ]);
  drawAgain();
  return stop;
}

/** What is decoded of the first draws, in rows. */
function gridOf({ side, decoder }) {
  const [width, height] = [COLUMNS, ROWS].map((number) => number * (side + GAP) - GAP);
  const image = picture({ label: "", width, height, caption: "" });
  const draw = (places, words) => {
    const pixels = new Float32Array(width * height);
    places.forEach((place, k) => {
      const means = probabilities(decoder.run(place));
      const corner = (side + GAP) * (Math.floor(k / COLUMNS) * width + (k % COLUMNS));
      for (let y = 0; y < side; y += 1) {
        pixels.set(means.subarray(y * side, (y + 1) * side), corner + y * width);
      }
    });
    image.draw(pixels, `${places.length} images: ${words}`);
  };
  const caption = (words) => (image.node.children[1].textContent = words);
  return { node: image.node, draw, caption, stop: image.stop };
}

/** The draws at t; of those that are decoded, the way that they have come, too. */
function paintDraws({ context, place, ink }, flow, ways, t) {
  const shown = ways.slice(0, SHOWN);
  const spots = (some) => some.map((way) => place(placeAt(flow, way, t)));
  context.lineWidth = 1;
  context.strokeStyle = ink.muted;
  for (const way of shown) {
    context.beginPath();
    for (let k = 0; k <= flow.steps; k += 1) {
      context.lineTo(...place(placeAt(flow, way, (t * k) / flow.steps)));
    }
    context.stroke();
  }
  for (const spot of spots(ways.slice(SHOWN))) dot(context, ink.ink, spot, 1.8);
  for (const spot of spots(shown)) {
    dot(context, ink.ground, spot, 5.5);
    dot(context, ink.accent, spot, 4);
  }
}

export default { render };
