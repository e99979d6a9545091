/** One Gaussian beside the prior: both densities, the function under the KL's integral, the terms. */

import {
  PALETTE,
  announcement,
  button,
  change,
  element,
  mount,
  onChange,
  slider,
  text,
} from "./controls.js";
import { clamp, cursor, line } from "./plane.js";
import { area, chart, curve, gridX, gridY, panel, roundTop, words } from "./chart.js";

/** @type {Record<string, [number, number]>} */
const REACH = { z: [-6, 6], mu: [-3, 3], sigma: [0.1, 2] };
/** @type {[number, number]} */
const BARS = [-0.8, 5.5]; // nats: what the bars of the terms have room for
const ABOVE = PALETTE[0];
const BELOW = PALETTE[1];
const NAMES = ["−½ log σ²", "½ μ²", "½ σ²", "−½", "KL, their sum"];
const SUMS = ["area above 0", "area below 0", "the integral"];

const prior = { mu: 0, sigma: 1 };

function logDensity({ mu, sigma }, z) {
  return -0.5 * ((z - mu) / sigma) ** 2 - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
}

function density(gaussian, z) {
  return Math.exp(logDensity(gaussian, z));
}

/** q(z) log q(z)/p(z), the function under the integral. */
export function integrand(q, z) {
  return density(q, z) * (logDensity(q, z) - logDensity(prior, z));
}

/** The four terms of the closed form, in nats and in the order of the chapter. */
export function terms({ mu, sigma }) {
  return [-Math.log(sigma), mu ** 2 / 2, sigma ** 2 / 2, -1 / 2];
}

/** The integral by the trapezoidal rule over 12 standard deviations to either side. */
export function areas(q, count = 4000) {
  const step = (24 * q.sigma) / count;
  const sums = { above: 0, below: 0 };
  for (let i = 0; i <= count; i += 1) {
    const value = integrand(q, q.mu + (i - count / 2) * step);
    sums[value > 0 ? "above" : "below"] += value * step; // at both ends it is 0
  }
  return sums;
}

/** Where q(z) = p(z): the roots of a quadratic, none if the two are the same. */
export function crossings({ mu, sigma }) {
  const [a, b, c] = [1 - sigma ** -2, mu / sigma ** 2, -((mu / sigma) ** 2) - 2 * Math.log(sigma)];
  if (Math.abs(a) < 1e-9) return b ? [-c / (2 * b)] : [];
  const root = Math.sqrt(b ** 2 - a * c);
  return [(-b - root) / a, (-b + root) / a];
}

/** Places along the axis, closer together where q is. */
function placesFor({ mu, sigma }) {
  const [low, high] = REACH.z;
  const even = Array.from({ length: 481 }, (_, i) => low + ((high - low) * i) / 480);
  const near = Array.from({ length: 101 }, (_, i) => mu + sigma * (i / 10 - 5));
  const shown = near.filter((z) => z > low && z < high);
  return [...even, ...shown].sort((one, other) => one - other);
}

function render({ model, el }) {
  let q = { ...prior };
  const spoken = announcement();
  const table = termTable();
  const sums = areaTable();
  const set = (values) => change(model, withinReach(values));
  const plot = chart({
    label:
      "Densities q(z) and p(z), and below them the function under the integral. " +
      "Arrow keys: left and right μ, up and down σ.",
    aspect: 0.95,
    paint: (paper) => paintAll(paper, q),
    ...dragging(
      () => q,
      set,
      () => plot.node,
    ),
  });
  const sliders = ["mu", "sigma"].map((name, i) =>
    slider({
      label: ["mean μ", "spread σ"][i],
      min: REACH[name][0],
      max: REACH[name][1],
      step: 0.01,
      value: q[name],
      format: (value) => text(value),
      onInput: (value) => set({ [name]: value }),
    }),
  );

  function show() {
    const asked = { mu: model.get("mu"), sigma: model.get("sigma") };
    const values = terms(asked);
    const total = values.reduce((sum, value) => sum + value);
    if (!(asked.sigma > 0 && Number.isFinite(total))) {
      return spoken.say("No Gaussian: σ has to be above 0, and μ and σ finite.");
    }
    q = asked;
    sliders[0].set(q.mu);
    sliders[1].set(q.sigma);
    table.set([...values, total]);
    const { above, below } = areas(q);
    sums.set([above, below, above + below]);
    spoken.say(sentence(q, total));
    return plot.draw();
  }

  const equal = button("make q equal to p", () => set({ ...prior }));
  const children = [
    element("div", {}, plot.node, spoken.node),
    element("div", {}, ...sliders.map((s) => s.node), equal, table.node, sums.node),
  ];
  const watched = onChange(model, ["mu", "sigma"], show);
  const stop = mount(el, children, [plot.stop, spoken.stop, watched]);
  show();
  return stop;
}

function withinReach(values) {
  const kept = Object.entries(values).map(([name, value]) => [
    name,
    Math.round(100 * clamp(value, ...REACH[name])) / 100,
  ]);
  return Object.fromEntries(kept);
}

function sentence({ mu, sigma }, total) {
  const beyond = Math.abs(mu) + 2 * sigma > REACH.z[1] ? ", partly beyond the plot" : "";
  return `μ = ${text(mu)}, σ = ${text(sigma)}${beyond}: KL = ${text(total, 3)} nats.`;
}

/** What mouse, finger and keys do: the peak moves μ, the point at μ + σ moves σ. */
function dragging(current, set, canvasOf) {
  let held = { name: "mu", offset: 0 };
  const unit = () => upperBox({ width: canvasOf().clientWidth, height: canvasOf().clientHeight });
  const zOf = ([x]) => {
    const box = unit();
    return REACH.z[0] + ((x - box.left) / box.width) * (REACH.z[1] - REACH.z[0]);
  };
  const onDrag = (place) => {
    const z = zOf(place) - held.offset;
    set(held.name === "mu" ? { mu: z } : { sigma: z - current().mu });
  };
  return {
    onPress: (place, reach) => {
      const q = current();
      const { mu, sigma } = handles(upperPanel({ box: unit() }, q), q);
      const far = (at) => Math.hypot(place[0] - at[0], place[1] - at[1]);
      const onSigma = far(sigma) < Math.min(reach, far(mu));
      const onMu = !onSigma && far(mu) < reach;
      const at = onSigma ? q.mu + q.sigma : q.mu;
      held = { name: onSigma ? "sigma" : "mu", offset: onSigma || onMu ? zOf(place) - at : 0 };
      if (!onSigma && !onMu) onDrag(place); // a press elsewhere brings the peak there
    },
    onDrag,
    onArrow: ([x, y], large) => {
      const step = large ? 0.25 : 0.05;
      const q = current();
      set(x ? { mu: q.mu + step * x } : { sigma: q.sigma + step * y });
    },
  };
}

function upperBox({ width, height }) {
  return { left: 34, top: 6, width: width - 40, height: 0.5 * height - 18 };
}

/** @param {any} paper and the box on it */
function upperPanel({ box, ...paper }, q) {
  const top = roundTop(1.12 * Math.max(density(prior, 0), density(q, q.mu)));
  return panel(paper, box, REACH.z, [0, top]);
}

/** Where the two handles are, in CSS pixels; at the edge if they lie beyond it. */
function handles({ place, box }, q) {
  const kept = ([x, y]) => [clamp(x, box.left, box.left + box.width), y];
  return {
    mu: kept(place([q.mu, density(q, q.mu)])),
    sigma: kept(place([q.mu + q.sigma, density(q, q.mu + q.sigma)])),
  };
}

function paintAll(paper, q) {
  const places = placesFor(q);
  const values = places.map((z) => [z, integrand(q, z)]);
  const box = upperBox(paper);
  const upper = upperPanel({ ...paper, box }, q);
  const top = roundTop(1.05 * Math.max(...values.map(([, value]) => value)));
  const lowerBox = {
    ...box,
    top: box.top + box.height + 26,
    height: paper.height - box.height - 54,
  };
  const lower = panel(paper, lowerBox, REACH.z, [-Math.max(0.2, 0.1 * top), top]);
  paintCrossings(upper, lower, q);
  paintDensities(upper, q, places);
  paintIntegrand(lower, values);
  paintHandles(upper, q);
}

/** The lines that lead from where the densities cross to where the integrand is 0. */
function paintCrossings(upper, lower, q) {
  const { context, ink } = upper;
  for (const z of crossings(q).filter((each) => each > REACH.z[0] && each < REACH.z[1])) {
    context.setLineDash([2, 3]);
    line(context, ink.muted, upper.place([z, density(q, z)]), lower.place([z, 0]));
    context.setLineDash([]);
  }
}

function paintDensities(upper, q, places) {
  const { context, ink, box, y } = upper;
  gridX(upper, 1, false);
  gridY(upper, y[1] / 2);
  curve(
    upper,
    places.map((z) => [z, density(prior, z)]),
    ink.ink,
    { dash: [6, 4] },
  );
  curve(
    upper,
    places.map((z) => [z, density(q, z)]),
    ABOVE,
    { thickness: 3 },
  );
  const samples = [
    ["q(z)", ABOVE, 3, []],
    ["p(z)", ink.ink, 2, [6, 4]],
  ];
  samples.forEach(([name, color, thickness, dash], i) => {
    const at = box.top + 12 + 18 * i;
    context.lineWidth = thickness;
    context.setLineDash(dash);
    line(context, color, [box.left + 8, at], [box.left + 32, at]);
    context.setLineDash([]);
    words(context, ink.ink, name, box.left + 38, at + 4);
  });
}

function paintIntegrand(lower, values) {
  const { context, ink, box, y } = lower;
  gridX(lower, 1, true);
  gridY(lower, y[1] / 2);
  const above = values.map(([z, value]) => [z, Math.max(value, 0)]);
  const below = values.map(([z, value]) => [z, Math.min(value, 0)]);
  area(lower, above, ABOVE);
  area(lower, below, BELOW, true);
  curve(lower, values, ink.ink, { thickness: 1.5 });
  words(context, ink.ink, "q(z) log q(z)/p(z)", box.left + 8, box.top + 14);
  words(context, ink.ink, "z", lower.place([5.5, 0])[0] - 3, box.top + box.height + 14);
}

function paintHandles(upper, q) {
  const { context, ink, box, width, height } = upper;
  const at = handles(upper, q);
  const centre = [at.mu[0], at.sigma[1]];
  context.lineWidth = 2;
  line(context, ink.ink, centre, at.sigma);
  const on = { ...upper, width, height, place: (point) => point };
  cursor(on, at.sigma);
  cursor(on, at.mu);
  const side = at.mu[0] > box.left + box.width - 40 ? -1 : 1;
  context.textAlign = side > 0 ? "left" : "right";
  words(context, ink.ink, "μ", at.mu[0] + 14 * side, at.mu[1] + 2, 600);
  words(context, ink.ink, "σ", at.sigma[0] + 14 * side, at.sigma[1] + 4, 600);
  context.textAlign = "left";
}

/** The terms of the closed form, each as a number and as a bar to the left or right of 0. */
function termTable() {
  const rows = NAMES.map((name) => ({ name, number: element("td"), bar: element("i") }));
  const share = (value) => (clamp(value, ...BARS) - BARS[0]) / (BARS[1] - BARS[0]);
  const body = rows.map(({ name, number, bar }) => {
    const track = element("td", { className: "vae-bar", "aria-hidden": "true" }, bar);
    track.style.setProperty("--zero", `${100 * share(0)}%`);
    return element("tr", {}, element("th", { scope: "row" }, name), number, track);
  });
  const caption = element("caption", {}, "KL = ½ (−log σ² + μ² + σ² − 1), in nats");
  const node = element(
    "table",
    { className: "vae-readout vae-terms" },
    caption,
    element("tbody", {}, ...body),
  );
  const set = (values) =>
    values.forEach((value, i) => {
      rows[i].number.textContent = text(value, 3);
      rows[i].bar.style.left = `${100 * Math.min(share(value), share(0))}%`;
      rows[i].bar.style.width = `${100 * Math.abs(share(value) - share(0))}%`;
    });
  return { node, set };
}

/** The integral's two parts and their sum, each with a sample of how it is drawn. */
function areaTable() {
  const cells = SUMS.map(() => element("td"));
  const body = SUMS.map((name, i) => {
    const sample = element("i", { className: `vae-sample vae-sample-${i}`, "aria-hidden": "true" });
    const head = element("th", { scope: "row" }, sample, name);
    return element("tr", {}, head, cells[i], element("td"));
  });
  const caption = element("caption", {}, "∫ q(z) log q(z)/p(z) dz, summed up");
  const node = element(
    "table",
    { className: "vae-readout vae-terms" },
    caption,
    element("tbody", {}, ...body),
  );
  const set = (values) => values.forEach((value, i) => (cells[i].textContent = text(value, 3)));
  node.style.setProperty("--above", ABOVE);
  node.style.setProperty("--below", BELOW);
  return { node, set };
}

export default { render };
