/** A Gaussian q over a true posterior: move and stretch it, and see ELBO + gap = log p(x). */

import { picture } from "./canvas.js";
import { imagesOf } from "./cloud.js";
import {
  PALETTE,
  announcement,
  button,
  change,
  choice,
  element,
  enable,
  mount,
  onChange,
  slider,
  text,
} from "./controls.js";
import { followQ, paintQ } from "./bound_hand.js";
import { bandsOf, imageKnown, linearKnown } from "./bound_known.js";
import { Network, fromBytes, probabilities } from "./network.js";
import { clamp, plane } from "./plane.js";

const VIEW = 7; // units from the middle of a window to its edge
const REACH = 5; // units that the mean of q can be moved to each side
const WIDTHS = [1 / 3, 2.5]; // the narrowest and the widest deviation of q, in units
const SPAN = 10; // nats below log p(x) where the bar begins
const WHOLE = 1e6; // half the side of the plane of which the windows are parts
const BUDGET = 10; // milliseconds of each frame in which a grid is summed
const PAIR = [0, 1];

function read(model) {
  return {
    cases: model.get("cases"),
    images: imagesOf(fromBytes(model.get("images")), model.get("side")),
    decoder: new Network(model.get("decoder")),
    likelihood: { kind: model.get("likelihood"), sigma: model.get("pixel_sigma") },
  };
}

/** From where to where the mean of q can be moved. */
function spanOf({ centre, unit }, d) {
  return [centre[d] - REACH * unit, centre[d] + REACH * unit];
}

/** The nearest q that lies within a window. */
function within(window, { mu, sigma }) {
  return {
    mu: PAIR.map((d) => clamp(mu[d], ...spanOf(window, d))),
    sigma: sigma.map((width) => clamp(width, WIDTHS[0] * window.unit, WIDTHS[1] * window.unit)),
  };
}

function isWithin(window, q) {
  const near = within(window, q);
  const far = ["mu", "sigma"].flatMap((name) => PAIR.map((d) => q[name][d] - near[name][d]));
  return far.every((each) => Math.abs(each) < 1e-3 * window.unit); // false for NaN
}

function render({ model, el }) {
  const data = read(model);
  let [number, window, q] = [-1, data.cases[0], data.cases[0].start]; // what is shown
  const bands = new Map(); // pictures of the posteriors that are known
  const put = (wanted) => change(model, within(window, wanted));
  const spoken = announcement();
  const [table, bar] = [termTable(), boundBar()];
  const sums = inPieces(data, {
    onProgress: () => showTerms(),
    onDone: (known) => {
      if (!bands.has(number)) bands.set(number, bandsOf(known, window, VIEW));
      map.drawAgain();
      showTerms();
    },
  });
  const map = plane({
    label:
      "Latent plane with the true posterior and q. Arrow keys move q, with shift in larger steps; " +
      "sliders stretch it.",
    extent: { left: -WHOLE, right: WHOLE, bottom: -WHOLE, top: WHOLE },
    axes: ["z₁", "z₂"],
    paintGround: ({ context, width, height }) => {
      if (bands.has(number)) context.drawImage(bands.get(number), 0, 0, width, height);
    },
    paint: (brush) => {
      paintQ(brush, q);
      showDecoded();
    },
  });
  followQ(map.node, {
    view: () => ({ centre: window.centre, half: VIEW * window.unit }),
    q: () => q,
    put,
  });
  const which = choice({
    label: "posterior of",
    options: data.cases.map(({ name }, i) => ({ value: String(i), text: name })),
    value: "0",
    onInput: (value) => change(model, { ...data.cases[Number(value)].start, case: Number(value) }),
  });
  which.node.style.whiteSpace = "nowrap";
  which.select.style.minWidth = "0"; // on a phone it is cut rather than the page
  const encoder = button("the encoder’s q", () => window.encoder && put(window.encoder));
  const best = button("the best diagonal q", () => put(window.best));
  const sliders = slidersOf(() => q, put);
  const pair = { label: "", width: model.get("side"), columns: 2 };
  const images = picture({ ...pair, caption: "the image x, and what is decoded at μ" });
  images.node.style.maxWidth = "15rem";
  const right = element("div", {}, table.node, ...sliders.nodes);

  function enter() {
    which.set(String(number));
    sliders.fit(window);
    enable(encoder, Boolean(window.encoder));
    map.zoom(WHOLE / (VIEW * window.unit), window.centre);
    if (window.image === undefined) images.node.remove();
    else right.append(images.node);
    sums.begin(window);
  }

  function showDecoded() {
    if (window.image === undefined) return;
    images.draw(data.images[window.image], "", 0);
    const words = `Image ${window.image} and, beside it, what is decoded at the mean of q`;
    images.draw(probabilities(data.decoder.run(q.mu)), words, 1);
  }

  function showTerms() {
    const terms = sums.known()?.terms(q);
    const shown = terms && rounded(terms);
    table.set(shown);
    bar.set(terms);
    const share = Math.floor(100 * sums.done());
    spoken.say(shown ? sentence(q, shown) : `Adding up p(x|z) p(z) over the plane: ${share} %`);
  }

  function show() {
    const asked = clamp(model.get("case"), 0, data.cases.length - 1);
    const wanted = { mu: model.get("mu"), sigma: model.get("sigma") };
    const fits = isWithin(data.cases[asked], wanted);
    if (fits) q = wanted;
    if (asked !== number) {
      [number, window] = [asked, data.cases[asked]];
      if (!fits) q = window.start;
      enter();
    }
    sliders.set(q);
    map.draw();
    showTerms();
    if (!fits) spoken.say("No such q here: its mean or a deviation lies beyond the window.");
  }

  const top = element("div", { className: "vae-wide vae-row" }, which.node, encoder, best);
  const left = element("div", {}, map.node, bar.node, spoken.node);
  const stop = mount(
    el,
    [top, left, right],
    [
      ...[map, images, spoken, sums].map((part) => part.stop),
      onChange(model, ["case", "mu", "sigma"], show),
    ],
  );
  show();
  return stop;
}

/**
 * Makes each datum known, an image's within many frames, so that the page goes on; what is begun is
 * kept, and goes on when the reader comes back to it.
 */
function inPieces(data, { onProgress, onDone }) {
  const works = new Map(); // of each window: what is known, or the work on it and its share done
  /** @type {any} */
  let current = { known: null, work: null, done: 0 };
  let frame = 0;
  const tick = () => {
    frame = 0;
    const until = performance.now() + BUDGET;
    while (!current.known && performance.now() < until) {
      const { done, value } = current.work.next();
      if (done) current.known = value;
      else current.done = value;
    }
    if (current.known) return onDone(current.known);
    frame = requestAnimationFrame(tick);
    return onProgress();
  };
  const workOn = (window) => {
    if (window.image === undefined) return { known: linearKnown(window), work: null, done: 1 };
    const image = data.images[window.image];
    return { known: null, work: imageKnown(window, { ...data, image }), done: 0 };
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = 0;
  };
  const begin = (window) => {
    stop();
    if (!works.has(window)) works.set(window, workOn(window));
    current = works.get(window);
    frame = requestAnimationFrame(tick);
  };
  return { begin, stop, known: () => current.known, done: () => current.done };
}

/** The numbers as they are shown; the ELBO is rounded so that the sum comes out. */
function rounded({ logP, gap }) {
  const [whole, missing] = [logP, Math.abs(gap)].map((nats) => Number(nats.toFixed(2)));
  return { elbo: text(whole - missing), gap: text(missing), logP: text(whole) };
}

function sentence({ mu, sigma }, { elbo, gap, logP }) {
  const [at, wide] = [mu, sigma].map((pair) => pair.map((each) => text(each, 3)).join(", "));
  return `μ = (${at}), σ = (${wide}): ELBO ${elbo} + gap ${gap} = log p(x) ${logP} nats.`;
}

/** Mean and deviation of q along each axis; `fit` gives them the room of a window. */
function slidersOf(current, put) {
  const names = ["mean μ₁", "mean μ₂", "spread σ₁", "spread σ₂"];
  const nameOf = (i) => (i < 2 ? "mu" : "sigma");
  const sliders = names.map((label, i) =>
    slider({
      label,
      min: 0,
      max: 1,
      step: 0.1,
      value: 0,
      format: (value) => text(value, 3),
      onInput: (value) => {
        const q = current();
        const changed = q[nameOf(i)].map((old, d) => (d === i % 2 ? value : old));
        put({ ...q, [nameOf(i)]: changed });
      },
    }),
  );
  const fit = (window) =>
    sliders.forEach(({ input }, i) => {
      const span = i < 2 ? spanOf(window, i) : WIDTHS.map((units) => units * window.unit);
      [input.min, input.max] = span.map(String);
      input.step = String(((span[1] - span[0]) / 200) * (1 - 1e-9)); // the end is a step, too
    });
  const set = (q) => sliders.forEach((each, i) => each.set(q[nameOf(i)][i % 2]));
  return { nodes: sliders.map((each) => each.node), fit, set };
}

/** How the ELBO and the gap are drawn. */
function colored(node) {
  node.style.setProperty("--above", PALETTE[0]);
  node.style.setProperty("--below", PALETTE[6]);
  return node;
}

function termTable() {
  const names = { elbo: "ELBO", gap: "+ gap", logP: "= log p(x)" };
  const cells = {};
  const rows = Object.entries(names).map(([name, words], i) => {
    cells[name] = element("td");
    const sample = element("i", { className: `vae-sample vae-sample-${i}`, "aria-hidden": "true" });
    const head = element("th", { scope: "row" }, ...(i < 2 ? [sample] : []), words);
    return element("tr", {}, head, cells[name], element("td"));
  });
  const caption = element("caption", {}, "In nats; the gap is KL(q ‖ p(z|x)).");
  const body = element("tbody", {}, ...rows);
  const node = element("table", { className: "vae-readout vae-terms" }, caption, body);
  const set = (terms) => {
    for (const name in cells) cells[name].textContent = terms ? terms[name] : "…";
  };
  return { node: colored(node), set };
}

/** The last nats below log p(x): the ELBO reaches up to a border, and the gap is the rest. */
function boundBar() {
  const parts = PAIR.map((i) => element("i", { className: `vae-sample vae-sample-${i}` }));
  for (const { style } of parts) [style.height, style.margin] = ["100%", "0"];
  parts[1].style.flex = "1";
  const bar = element("div", {}, ...parts);
  bar.style.cssText = "display: flex; height: 1.5rem; border: 1px solid var(--vae-ink)";
  const ends = element("div", {}, element("span"), element("span"));
  ends.style.cssText = "display: flex; justify-content: space-between; font-size: 0.85rem";
  const node = element("div", { "aria-hidden": "true" }, bar, ends);
  node.style.cssText = "max-width: 30rem; margin-top: 0.5rem";
  const set = (terms) => {
    const share = terms ? clamp(1 - terms.gap / SPAN, 0, 1) : 0;
    parts[0].style.width = `${100 * share}%`;
    parts[1].style.visibility = terms ? "" : "hidden";
    parts[1].style.borderLeft = share ? "2px solid var(--vae-ink)" : "";
    ends.children[0].textContent = terms ? text(terms.logP - SPAN) : "";
    ends.children[1].textContent = terms ? `log p(x) = ${text(terms.logP)}` : "";
  };
  return { node: colored(node), set };
}

export default { render };
