/** Stored runs on the way to posterior collapse: slide along a sweep, or pick a run in the plane. */

import { chart } from "./chart.js";
import {
  announcement,
  change,
  choice,
  element,
  mount,
  onChange,
  readout,
  slider,
  text,
} from "./controls.js";
import { choicesOf, klBars, nearestRun, nextRun, paintPlane, totalOf } from "./collapse_plane.js";
import { clamp } from "./plane.js";

const TRAITS = ["sweep", "step", "seed", "logarithmic"];
const ROWS = {
  rate: "rate, nats",
  distortion: "distortion, nats",
  total: "−ELBO, nats",
  error: "squared error",
  active: "active units",
  price: "price, nats",
  prices: "price by seed",
};
const SMALL = "margin: 0.25rem 0 0; color: var(--vae-muted); font-size: 0.85rem";

/** A whole number from 0 to an end, whatever the trait is. */
function within(number, last) {
  return clamp(Math.round(Number(number)) || 0, 0, last);
}

/**
 * What the traits say, at the nearest run that there is.
 * @returns {{sweep: import("./collapse_plane.js").Sweep} & import("./collapse_plane.js").Choice}
 */
function read(model) {
  const sweeps = model.get("sweeps");
  const sweep = sweeps.find(({ name }) => name === model.get("sweep")) ?? sweeps[0];
  const { runs } = sweep;
  const step = within(model.get("step"), runs.length - 1);
  const seed = within(model.get("seed"), runs[step].length - 1);
  return { sweep, step, seed, run: runs[step][seed] };
}

/** Numbers of a run as they are shown: minus the ELBO is rounded so that the sum comes out. */
function shownOf({ rate, distortion }) {
  const [one, other] = [rate, distortion].map((nats) => Number(nats.toFixed(2)));
  return { rate: text(one), distortion: text(other), total: text(one + other) };
}

/** By how much minus the ELBO is higher than with no remedy, for each seed. */
export function pricesOf({ runs, priced }, step) {
  return priced ? runs[step].map((run, seed) => totalOf(run) - totalOf(runs[0][seed])) : [];
}

const signed = (nats) => (Number(nats.toFixed(2)) > 0 ? "+" : "") + text(nats);

function render({ model, el }) {
  const sweeps = model.get("sweeps");
  const put = ({ step, seed }) => change(model, { step, seed });
  const pick = (spot) => {
    const { clientWidth: width, clientHeight: height } = plane.node;
    put(nearestRun({ width, height }, read(model).sweep, spot));
  };
  const plane = chart({
    label: "Plane of rate and distortion. Arrow keys go to the next run in their direction.",
    aspect: 1.2,
    paint: (paper) => {
      const chosen = read(model);
      paintPlane(paper, chosen.sweep, othersOf(sweeps, chosen), chosen);
    },
    onPress: pick,
    onDrag: pick,
    onArrow: (direction) => {
      const chosen = read(model);
      put(nextRun(chosen.sweep, chosen, direction));
    },
  });
  plane.node.style.cursor = "crosshair";
  const bars = klBars(() => {
    const { sweep, run } = read(model);
    const top = 1.1 * Math.max(...choicesOf(sweep).flatMap((one) => one.run.kl));
    return { run, top, threshold: model.get("threshold"), logarithmic: model.get("logarithmic") };
  });
  const controls = controlsOf(model);
  const table = numbersOf();
  const spoken = announcement();
  const [legend, made] = [element("p", { style: SMALL }), element("p", { style: SMALL })];

  function show() {
    const chosen = read(model);
    const { sweep, step, seed, run } = chosen;
    controls.set(chosen);
    table.set(chosen);
    legend.textContent = legendOf(sweep);
    made.textContent = sweep.made;
    const { rate, distortion, total } = shownOf(run);
    const name = sweep.runs[step].length > 1 ? `, seed ${seed}` : "";
    const terms = `rate ${rate} + distortion ${distortion} = −ELBO ${total} nats`;
    spoken.say(`${sweep.names[step]}${name}: ${terms}, ${run.active} of ${run.kl.length} active.`);
    const nats = run.kl.map((kl) => text(kl, 4)).join(", ");
    bars.set(`KL of ${run.kl.length} latents by rank, ${run.active} of them active: ${nats} nats`);
    plane.draw();
  }

  const children = [
    element("div", { className: "vae-wide" }, ...controls.nodes),
    element("div", {}, plane.node, spoken.node, legend),
    element("div", {}, bars.node, controls.tick, table.node, made),
  ];
  const watched = onChange(model, TRAITS, show);
  const stop = mount(el, children, [plane.stop, bars.stop, spoken.stop, watched]);
  show();
  return stop;
}

/** The other sweeps of the same pixels: their runs lie in the same plane. */
function othersOf(sweeps, { sweep }) {
  return sweeps.filter((other) => other !== sweep && other.grey === sweep.grey);
}

function legendOf({ runs, grey, corner, priced }) {
  const seeds = runs[0].length > 1 ? ["Circles are seed 0, squares seed 1."] : [];
  const loss = grey ? "2s² · rate + squared error" : "β · rate + distortion";
  const same = `On the dashed line the chosen run’s loss, ${loss}, is the same.`;
  const lines = [...(grey ? [] : ["On a grey line −ELBO is the same; rings are other sweeps."])];
  const price = "The thick line is no remedy’s; a run’s height above it is its price.";
  const square = "The square is a code that says nothing.";
  const told = [...seeds, same, ...lines, ...(corner ? [square] : []), ...(priced ? [price] : [])];
  return told.join(" ");
}

/** The sweep, the run of it and its seed, and the axis of the bars. */
function controlsOf(model) {
  const sweeps = model.get("sweeps");
  const which = choice({
    label: "what differs",
    options: sweeps.map(({ name, title }) => ({ value: name, text: title })),
    value: model.get("sweep"),
    onInput: (sweep) => {
      const { start } = sweeps.find(({ name }) => name === sweep);
      change(model, { sweep, step: start, seed: 0 });
    },
  });
  which.select.style.minWidth = "0"; // on a phone it is cut rather than the page
  const steps = slider({
    label: "",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    format: (step) => read(model).sweep.names[step] ?? "",
    onInput: (step) => change(model, { step }),
  });
  steps.node.style.gridTemplateColumns = "4.5rem 1fr 8rem";
  const seeds = choice({
    label: "seed",
    options: [0, 1].map((seed) => ({ value: String(seed), text: String(seed) })),
    value: "0",
    onInput: (seed) => change(model, { seed: Number(seed) }),
  });
  const input = element("input", { type: "checkbox" });
  input.addEventListener("input", () => change(model, { logarithmic: input.checked }));
  const tick = element("label", { className: "vae-tick" }, input, "logarithmic axis");
  const set = ({ sweep, step, seed }) => {
    which.set(sweep.name);
    const label = /** @type {HTMLElement} */ (steps.node.querySelector("label"));
    label.textContent = sweep.control;
    steps.input.max = String(sweep.runs.length - 1);
    steps.set(step);
    seeds.set(String(seed));
    seeds.node.style.display = sweep.runs[step].length > 1 ? "" : "none";
    input.checked = Boolean(model.get("logarithmic"));
  };
  const row = element("div", { className: "vae-row" }, which.node, seeds.node);
  return { nodes: [row, steps.node], tick, set };
}

/** A table of what the chosen run has; a row that its sweep knows nothing of is hidden. */
function numbersOf() {
  const { node, set: fill } = readout(Object.values(ROWS), "the chosen run");
  const set = ({ sweep, step, seed, run }) => {
    const prices = pricesOf(sweep, step);
    const shown = {
      ...shownOf(run),
      error: sweep.grey ? text(run.height) : "",
      active: `${run.active} of ${run.kl.length}`,
      price: prices.length ? signed(prices[seed]) : "",
      prices: prices.map(signed).join(", "),
    };
    fill(Object.fromEntries(Object.entries(ROWS).map(([key, name]) => [name, shown[key]])));
    Object.keys(ROWS).forEach((key, i) => (node.rows[i].hidden = !shown[key]));
  };
  return { node, set };
}

export default { render };
