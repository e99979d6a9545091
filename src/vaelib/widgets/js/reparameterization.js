/** Draws of the noise move along to draws of z, and a gradient finds its way back, or does not. */

import {
  PALETTE,
  announcement,
  button,
  change,
  choice,
  element,
  mount,
  onChange,
  slider,
  text,
} from "./controls.js";
import { normals } from "./network.js";
import { clamp, dot, line } from "./plane.js";
import { area, chart, curve, panel, words } from "./chart.js";

/** @type {Record<string, [number, number]>} */
const REACH = { axis: [-5, 5], mu: [-2, 2], sigma: [0.1, 2] };
const COUNTS = [1, 10, 100, 1000];
const DRAWS = PALETTE[0];

function read(model) {
  const [mu, sigma, eps] = ["mu", "sigma", "eps"].map((name) => model.get(name));
  const direct = model.get("direct");
  const made = direct ? model.get("drawn_with") : [mu, sigma];
  const chosen = clamp(model.get("chosen"), 0, eps.length - 1);
  return { mu, sigma, eps, direct, made, chosen, z: eps.map((e) => made[0] + made[1] * e) };
}

function isSound({ mu, sigma, eps, z }) {
  return (
    Number.isFinite(mu) &&
    sigma > 0 &&
    Number.isFinite(sigma) &&
    eps.length > 0 &&
    z.every(Number.isFinite)
  );
}

/**
 * The pathwise gradient of f(z) = z²: of each draw, their mean with its standard error, and exact.
 * @returns {{name: string, each: number[], mean: number, error: number, exact: number}[]}
 */
export function gradients({ mu, sigma, eps }) {
  const slopes = eps.map((e) => 2 * (mu + sigma * e)); // ∂f/∂z
  const rows = { mu: slopes, sigma: slopes.map((slope, k) => slope * eps[k]) };
  const exact = { mu: 2 * mu, sigma: 2 * sigma };
  return Object.entries(rows).map(([name, each]) => {
    const mean = each.reduce((sum, one) => sum + one) / each.length;
    const squares = each.reduce((sum, one) => sum + (one - mean) ** 2, 0);
    const error = Math.sqrt(squares / (each.length - 1) / each.length); // of one draw: NaN
    return { name, each, mean, error, exact: exact[name] };
  });
}

function render({ model, el }) {
  let now = { mu: 0, sigma: 1, eps: [0], direct: false, made: [0, 1], chosen: 0, z: [0] };
  const spoken = announcement();
  const graph = graphOf();
  const table = gradientTable();
  const axes = chart({
    label: "",
    aspect: 1,
    paint: (paper) => paintAxesOf(paper, now),
    ...picking(
      () => now,
      (chosen) => change(model, { chosen }),
      () => axes.node,
    ),
  });
  const controls = controlsOf(model);

  function show() {
    const asked = read(model);
    if (!isSound(asked))
      return spoken.say("No draws: σ has to be above 0, and all numbers finite.");
    now = asked;
    controls.set(now);
    graph.set(now);
    table.set(now);
    spoken.say(sentence(now));
    axes.node.setAttribute("aria-label", `${described(now.direct)} Arrow keys choose a draw.`);
    return axes.draw();
  }

  const children = [
    element("div", {}, axes.node, ...controls.nodes, spoken.node),
    element("div", {}, graph.node, table.node),
  ];
  const names = ["mu", "sigma", "eps", "chosen", "direct", "drawn_with"];
  const stop = mount(el, children, [axes.stop, spoken.stop, onChange(model, names, show)]);
  show();
  return stop;
}

/** Sliders, buttons and the switch; `set` shows what is. */
function controlsOf(model) {
  const place = (name, label) =>
    slider({
      label,
      min: REACH[name][0],
      max: REACH[name][1],
      step: 0.01,
      value: model.get(name),
      format: (value) => text(value),
      onInput: (value) => change(model, { [name]: value }),
    });
  const sliders = { mu: place("mu", "mean μ"), sigma: place("sigma", "spread σ") };
  const draw = (count) => change(model, drawn(model, count));
  const again = button("draw again", () => draw(model.get("eps").length));
  const count = choice({
    label: "draws K",
    options: [...new Set([...COUNTS, model.get("eps").length])]
      .sort((a, b) => a - b)
      .map((number) => ({ value: String(number), text: String(number) })),
    value: String(model.get("eps").length),
    onInput: (value) => draw(Number(value)),
  });
  const direct = tick("sample z directly", (on) =>
    change(model, { drawn_with: [model.get("mu"), model.get("sigma")], direct: on }),
  );
  const row = element("div", { className: "vae-row" }, again, count.node);
  const set = (now) => {
    sliders.mu.set(now.mu);
    sliders.sigma.set(now.sigma);
    direct.set(now.direct);
    count.set(String(now.eps.length));
    again.textContent = now.direct ? "draw z again" : "draw ε again";
  };
  return { nodes: [sliders.mu.node, sliders.sigma.node, row, direct.node], set };
}

/** What another press of the button draws: it is the same on every page. */
function drawn(model, count) {
  const seed = model.get("seed") + 1;
  const normal = normals(seed);
  return {
    seed,
    chosen: Math.min(model.get("chosen"), count - 1),
    drawn_with: [model.get("mu"), model.get("sigma")],
    eps: Array.from({ length: count }, normal),
  };
}

/** A labelled box to tick. */
function tick(label, onInput) {
  const input = element("input", { type: "checkbox" });
  input.addEventListener("input", () => onInput(input.checked));
  const node = element("label", { className: "vae-tick" }, input, label);
  return { node, set: (on) => (input.checked = on) };
}

function sentence({ mu, sigma, eps, direct, chosen, z }) {
  const beyond = z.filter((each) => each < REACH.axis[0] || each > REACH.axis[1]).length;
  const edge = beyond ? ` Draws beyond the axis, shown at its edge: ${beyond}.` : "";
  const which = `draw ${chosen + 1} of ${eps.length}`;
  if (direct) {
    const still = "Move μ or σ: z stays where it landed, and f(z) with it.";
    return `${which}: z = ${text(z[chosen])}. ${still}${edge}`;
  }
  const e = eps[chosen] < 0 ? `(${text(eps[chosen])})` : text(eps[chosen]);
  return `${which}: z = μ + σε = ${text(mu)} + ${text(sigma)} · ${e} = ${text(z[chosen])}.${edge}`;
}

/** What the canvas is; what it shows now, the line below it says. */
function described(direct) {
  return direct
    ? "Draws of z that stay where they are, beside N(μ, σ²)."
    : "Draws of ε on one axis, each joined to its z on another, beside N(0, 1) and N(μ, σ²).";
}

/** A press or a drag chooses the nearest draw, an arrow key the next one along the axis. */
function picking(current, choose, canvasOf) {
  const pick = ([x, y]) => {
    const { width, height } = { width: canvasOf().clientWidth, height: canvasOf().clientHeight };
    const now = current();
    const { noise, latent } = panels({ width, height });
    const onNoise = !now.direct && y < height / 2;
    const places = onNoise ? now.eps : now.z;
    const on = onNoise ? noise : latent;
    const far = places.map((place) => Math.abs(on.place([edged(place), 0])[0] - x));
    choose(far.indexOf(Math.min(...far)));
  };
  const step = ([x, y]) => {
    const { eps, chosen } = current();
    const order = eps.map((_, k) => k).sort((a, b) => eps[a] - eps[b]);
    choose(order[clamp(order.indexOf(chosen) + (x || y), 0, order.length - 1)]);
  };
  return { onPress: pick, onDrag: pick, onArrow: step };
}

function edged(place) {
  return clamp(place, ...REACH.axis);
}

/** Two axes of the same scale: that of ε, with room for a density above it, and that of z. */
function panels(paper) {
  const size = { left: 8, width: paper.width - 16, height: 0.26 * paper.height };
  const upper = { ...size, top: 4 };
  const lower = { ...size, top: paper.height - size.height - 4 };
  return {
    noise: panel(paper, upper, REACH.axis, [0, 0.9]),
    latent: panel(paper, lower, REACH.axis, [-0.9, 0]),
  };
}

function paintAxesOf(paper, now) {
  const { noise, latent } = panels(paper);
  paintAxis(noise, now.direct ? "" : "ε ~ N(0, 1)", -1);
  paintAxis(latent, "z ~ N(μ, σ²)", 1);
  if (now.direct) {
    paintBell(latent, now.made, -1, true);
    const notes = ["no ε: z is drawn as it is", "dotted: what these z were drawn from"];
    notes.forEach((note, i) =>
      words(paper.context, paper.ink.muted, note, 16, noise.box.height + 30 + 18 * i),
    );
  } else {
    paintBell(noise, [0, 1], 1);
    paintLinks(noise, latent, now);
  }
  paintBell(latent, [now.mu, now.sigma], -1);
  paintDots(noise, latent, now);
}

function paintAxis(on, name, side) {
  const { context, ink, box } = on;
  const [start, end] = REACH.axis.map((at) => on.place([at, 0]));
  context.lineWidth = 1.5;
  line(context, ink.muted, start, end);
  context.textAlign = "center";
  for (let at = -4; at <= 4; at += 1) {
    const [x, y] = on.place([at, 0]);
    line(context, ink.muted, [x, y - 3], [x, y + 3]);
    words(context, ink.muted, String(at).replace("-", "−"), x, side > 0 ? y + 18 : y - 8);
  }
  context.textAlign = "left";
  words(
    context,
    ink.ink,
    name,
    box.left + 2,
    side > 0 ? box.top + box.height - 4 : box.top + 12,
    600,
  );
}

/** The density of N(mean, deviation²), upwards or downwards; dotted if draws have outlived it. */
function paintBell(on, [mean, deviation], side, outlived = false) {
  const [low, high] = REACH.axis;
  /** @type {[number, number][]} */
  const points = Array.from({ length: 601 }, (_, i) => {
    const at = low + ((high - low) * i) / 600;
    const height = Math.exp(-0.5 * ((at - mean) / deviation) ** 2) / (deviation * 2.5066282746);
    return [at, side * height];
  });
  if (outlived) return curve(on, points, on.ink.muted, { thickness: 1.5, dash: [2, 4] });
  on.context.globalAlpha = 0.22;
  area(on, points, DRAWS);
  on.context.globalAlpha = 1;
  return curve(on, points, DRAWS, { thickness: 2 });
}

function paintLinks(noise, latent, { eps, z, chosen }) {
  const { context, ink } = noise;
  const join = (k, color, thickness) => {
    context.lineWidth = thickness;
    line(context, color, noise.place([edged(eps[k]), 0]), latent.place([edged(z[k]), 0]));
  };
  context.globalAlpha = clamp(20 / eps.length, 0.08, 0.9);
  eps.forEach((_, k) => join(k, ink.muted, 1.25));
  context.globalAlpha = 1;
  join(chosen, ink.ink, 3);
}

function paintDots(noise, latent, { eps, z, chosen, direct }) {
  const { context, ink } = noise;
  const radius = eps.length > 100 ? 2.5 : 4.5;
  const rows = direct
    ? [[latent, z, "z"]]
    : [
        [noise, eps, "ε"],
        [latent, z, "z"],
      ];
  for (const [on, places, name] of rows) {
    places.forEach((place) => dot(context, DRAWS, on.place([edged(place), 0]), radius));
    const at = on.place([edged(places[chosen]), 0]);
    dot(context, ink.ground, at, 9);
    dot(context, ink.ink, at, 7);
    paintValue(on, `${name} = ${text(places[chosen])}`, at, name === "z" ? -14 : 24);
  }
}

/** The value beside a dot, on the page's ground so that lines do not cross it. */
function paintValue({ context, ink, box }, value, [x, y], shift) {
  context.font = "600 12px system-ui, sans-serif";
  const width = context.measureText(value).width;
  const left = clamp(x + 10, box.left, box.left + box.width - width);
  context.fillStyle = ink.ground;
  context.fillRect(left - 3, y + shift - 12, width + 6, 17);
  words(context, ink.ink, value, left, y + shift, 600);
}

// The name that browsers give to SVG looks like an address, and no source of a widget holds one.
const SVG = element("div", { innerHTML: "<svg></svg>" }).firstElementChild?.namespaceURI ?? null;

function drawing(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A box of the graph whose text can be set. */
function boxAt(x, y, width, kind) {
  const height = 36;
  const shape = drawing("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 7 });
  const words = drawing("text", { x, y: y + 5, "text-anchor": "middle" });
  const node = drawing("g", { class: `vae-node vae-node-${kind}` }, shape, words);
  return { node, set: (text) => (words.textContent = text) };
}

/** An arrow: values go along solid ones, gradients along dashed ones. */
function arrow(kind, [x1, y1], [x2, y2], cut = false) {
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  const end = `translate(${x2} ${y2}) rotate(${cut ? 0 : angle})`;
  const head = cut ? "M-7 -7L7 7M-7 7L7 -7" : "M-9 -4.5L0 0L-9 4.5Z";
  const className = `vae-arrow-${kind}${cut ? " vae-cut" : ""}`;
  return drawing(
    "g",
    { class: className },
    drawing("path", { class: "vae-shaft", d: `M${x1} ${y1}L${x2} ${y2}` }),
    drawing("path", { class: "vae-head", d: head, transform: end }),
  );
}

/** The graph from μ, σ and ε through z to f(z), forwards and backwards. */
function graphOf() {
  const boxes = {
    f: boxAt(180, 22, 150, "f"),
    z: boxAt(180, 122, 190, "z"),
    mu: boxAt(50, 232, 92, "parameter"),
    sigma: boxAt(180, 232, 92, "parameter"),
    eps: boxAt(310, 232, 92, "noise"),
  };
  const labels = {};
  const label = (name, x, y, anchor = "start", kind = "gradient") => {
    labels[name] = drawing("text", { x, y, "text-anchor": anchor, class: `vae-text-${kind}` });
    return labels[name];
  };
  const both = drawing(
    "g",
    {},
    boxes.f.node,
    boxes.z.node,
    boxes.mu.node,
    boxes.sigma.node,
    arrow("value", [168, 104], [168, 42]),
    arrow("gradient", [192, 40], [192, 102]),
    arrow("value", [44, 214], [116, 142]),
    arrow("value", [168, 214], [168, 142]),
    label("f", 202, 76),
    label("mu", 50, 270, "middle"),
    label("sigma", 180, 270, "middle"),
  );
  const path = drawing(
    "g",
    {},
    boxes.eps.node,
    arrow("value", [316, 214], [248, 142]),
    arrow("gradient", [140, 140], [70, 211]),
    arrow("gradient", [192, 140], [192, 212]),
    label("byMu", 2, 176),
    label("bySigma", 202, 176),
    label("bySigmaValue", 202, 193),
    label("eps", 310, 270, "middle", "value"),
  );
  const broken = drawing(
    "g",
    {},
    arrow("gradient", [148, 140], [122, 172], true),
    arrow("gradient", [192, 140], [192, 172], true),
    label("cut", 208, 177),
  );
  const node = drawing(
    "svg",
    { viewBox: "0 0 360 280", class: "vae-graph", role: "img" },
    both,
    path,
    broken,
  );
  return { node, set: (now) => setGraph({ node, boxes, labels, path, broken }, now) };
}

function setGraph({ node, boxes, labels, path, broken }, { mu, sigma, eps, z, chosen, direct }) {
  const [at, e] = [z[chosen], eps[chosen]];
  boxes.f.set(`f(z) = z² = ${text(at ** 2)}`);
  boxes.z.set(direct ? `z ~ N(μ, σ²), z = ${text(at)}` : `z = μ + σε = ${text(at)}`);
  boxes.mu.set(`μ = ${text(mu)}`);
  boxes.sigma.set(`σ = ${text(sigma)}`);
  boxes.eps.set(`ε = ${text(e)}`);
  const said = {
    f: `∂f/∂z = 2z = ${text(2 * at)}`,
    mu: direct ? "no gradient" : `2z · 1 = ${text(2 * at)}`,
    sigma: direct ? "no gradient" : `2z · ε = ${text(2 * at * e)}`,
    byMu: "∂z/∂μ = 1",
    bySigma: "∂z/∂σ = ε",
    bySigmaValue: `= ${text(e)}`,
    eps: "noise",
    cut: "a draw: cut here",
  };
  for (const [name, words] of Object.entries(said)) labels[name].textContent = words;
  path.style.display = direct ? "none" : "";
  broken.style.display = direct ? "" : "none";
  const way = direct
    ? "The gradient comes back from f(z) to the draw z and is cut there: μ and σ get none."
    : `The gradient comes back from f(z) through z: μ gets ${said.mu}, σ gets ${said.sigma}.`;
  node.setAttribute("aria-label", `Graph of one draw. ${said.f}. ${way}`);
}

/** The pathwise gradient of the chosen draw, its mean over all draws, and the exact one. */
function gradientTable() {
  const head = ["for", "this draw", "mean of the draws", "exact"].map((name) =>
    element("th", { scope: "col" }, name),
  );
  const rows = ["μ: 2z", "σ: 2zε"].map((name) => ({
    name: element("th", { scope: "row" }, name),
    cells: head.slice(1).map(() => element("td")),
  }));
  const node = element(
    "table",
    { className: "vae-readout vae-gradients" },
    element("caption", {}, "Gradient of E[f(z)]"),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows.map(({ name, cells }) => element("tr", {}, name, ...cells))),
  );
  const set = (now) => {
    head[2].textContent = `mean of ${now.eps.length} ± error`;
    gradients(now).forEach(({ each, mean, error, exact }, i) => {
      const about = Number.isFinite(error) ? ` ± ${text(error)}` : "";
      const shown = [text(each[now.chosen]), text(mean) + about];
      const values = now.direct ? ["no path", "no path"] : shown;
      [...values, text(exact)].forEach((value, j) => (rows[i].cells[j].textContent = value));
    });
  };
  return { node, set };
}

export default { render };
