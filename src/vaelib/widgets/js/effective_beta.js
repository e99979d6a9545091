/** A loss described by its reductions, and the beta that it stands for. */

import {
  PALETTE,
  announcement,
  change,
  choice,
  element,
  mount,
  onChange,
  readout,
} from "./controls.js";
import { lossWeights, said, sentenceOf } from "./loss_scale.js";

/** @type {[number, number]} */
const DECADES = [-4, 4]; // of beta, on the scale
const SUM_OR_MEAN = ["sum", "mean"].map((value) => ({ value, text: value }));
const LIKELIHOODS = [
  { value: "bernoulli", text: "cross-entropy" },
  { value: "gaussian", text: "Gaussian, / (2 σ²)" },
  { value: "mse", text: "squared error" },
];
const CHOICES = {
  likelihood: { label: "reconstruction term", options: LIKELIHOODS },
  pixels: { label: "over the values of an image", options: SUM_OR_MEAN },
  batch: { label: "reconstruction over the batch", options: SUM_OR_MEAN },
  latents: { label: "KL over the latents", options: SUM_OR_MEAN },
  kl_batch: { label: "KL over the batch", options: SUM_OR_MEAN },
};
const NUMBERS = {
  weight: { label: "weight of the KL", least: 0 },
  sigma: { label: "decoder's σ", least: Number.MIN_VALUE },
  values: { label: "values in an image", whole: true, least: 1 },
  latent_dim: { label: "latents", whole: true, least: 1 },
  batch_size: { label: "images in a batch", whole: true, least: 1 },
};

const ROW =
  "display: grid; grid-template-columns: minmax(0, 1fr) 10rem; gap: 0.6rem; align-items: center; " +
  "margin: 0.3rem 0; max-width: 26rem";

/** Whether a number may stand in a field. */
function isFit({ least, whole = false }, value) {
  return Number.isFinite(value) && value >= least && (!whole || Number.isInteger(value));
}

function numberField({ label, least, whole = false }, onInput) {
  const input = element("input", {
    type: "number",
    min: whole ? least : 0,
    step: whole ? 1 : "any",
  });
  Object.assign(input.style, {
    font: "inherit",
    width: "100%",
    boxSizing: "border-box",
    padding: "0.2rem 0.3rem",
  });
  Object.assign(input.style, { color: "inherit", background: "transparent" });
  Object.assign(input.style, { border: "1px solid var(--vae-muted)", borderRadius: "4px" });
  const node = element("label", { style: ROW }, `${label} `, input);
  input.addEventListener("input", () => {
    const value = input.value === "" ? NaN : Number(input.value);
    const fits = isFit({ least, whole }, value);
    input.setAttribute("aria-invalid", String(!fits));
    onInput(fits ? value : NaN);
  });
  const set = (value) => {
    if (Number(input.value) !== value) input.value = String(value); // what is typed stays
    input.setAttribute("aria-invalid", "false");
  };
  return { node, input, set };
}

function render({ model, el }) {
  const spoken = announcement();
  const scale = betaScale();
  const table = readout(["β", "σ at which β is 1"]);
  const causes = element("ul", { style: "margin: 0.5rem 0; padding-left: 1.2rem" });
  const selects = Object.entries(CHOICES).map(([name, options]) => {
    const onInput = (value) => change(model, { [name]: value });
    const made = choice({ ...options, value: model.get(name), onInput });
    made.node.style.cssText = ROW;
    return { name, ...made };
  });
  const fields = Object.entries(NUMBERS).map(([name, options]) => {
    const onInput = (value) => {
      if (Number.isNaN(value)) spoken.say(wanted(options));
      else if (model.get(name) === value) show();
      else change(model, { [name]: value });
    };
    return { name, ...numberField(options, onInput) };
  });

  function show() {
    const names = [...Object.keys(CHOICES), ...Object.keys(NUMBERS)];
    /** @type {any} */
    const loss = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const bad = Object.entries(NUMBERS).find(([name, options]) => !isFit(options, loss[name]));
    if (bad) return spoken.say(wanted(bad[1]));
    selects.forEach(({ name, set }) => set(loss[name]));
    fields.forEach(({ name, set }) => set(loss[name]));
    const byName = Object.fromEntries(fields.map((field) => [field.name, field]));
    byName.sigma.node.hidden = loss.likelihood === "bernoulli";
    byName.sigma.node.style.display = byName.sigma.node.hidden ? "none" : "grid";
    const weights = lossWeights(loss);
    scale.set(weights.beta);
    table.set({
      β: said(weights.beta),
      "σ at which β is 1": weights.sigma === null ? "none, pixels are coins" : said(weights.sigma),
    });
    causes.replaceChildren(...weights.causes.map((cause) => element("li", {}, `${cause}`)));
    return spoken.say(sentenceOf(weights, false));
  }

  const children = [
    element("div", {}, ...[...selects, ...fields].map(({ node }) => node)),
    element("div", {}, spoken.node, scale.node, table.node, causes),
  ];
  const watched = onChange(model, [...Object.keys(CHOICES), ...Object.keys(NUMBERS)], show);
  const stop = mount(el, children, [spoken.stop, watched]);
  show();
  return stop;
}

function wanted({ label, whole = false, least }) {
  if (whole) return `Wanted: ${label}, a whole number of 1 or more.`;
  return `Wanted: ${label}, a number ${least ? "above 0" : "of 0 or more"}.`;
}

/** A logarithmic scale of β with a mark at 1 and one at the loss's own. */
function betaScale() {
  const share = (beta) => {
    const decade = Math.min(Math.max(Math.log10(beta), DECADES[0]), DECADES[1]);
    return `${(100 * (decade - DECADES[0])) / (DECADES[1] - DECADES[0])}%`;
  };
  const at = (beta, style, ...children) =>
    element("span", { style: `position: absolute; left: ${share(beta)}; ${style}` }, ...children);
  const centred = "transform: translateX(-50%)";
  const ticks = [1e-4, 1e-2, 1, 1e2, 1e4].flatMap((beta) => [
    at(beta, "top: 0.9rem; height: 0.7rem; border-left: 1px solid var(--vae-muted)"),
    at(beta, `top: 1.7rem; font-size: 0.85rem; ${centred}`, said(beta)),
  ]);
  const dot = `width: 1rem; height: 1rem; border-radius: 50%; background: ${PALETTE[0]}`;
  const marker = at(1, `top: 0.75rem; ${dot}; ${centred}; border: 2px solid var(--vae-ink)`);
  const axis = "position: absolute; top: 1.25rem; left: 0; right: 0";
  const track = element("span", { style: `${axis}; border-top: 2px solid var(--vae-grid)` });
  const node = element(
    "div",
    {
      role: "img",
      style: "position: relative; height: 3.2rem; margin: 0 1.5rem; max-width: 28rem",
    },
    track,
    ...ticks,
    marker,
  );
  const set = (beta) => {
    marker.style.left = share(beta);
    const beyond = beta < 10 ** DECADES[0] || beta > 10 ** DECADES[1] ? ", beyond its end" : "";
    node.setAttribute("aria-label", `β = ${said(beta)} on a logarithmic scale${beyond}`);
  };
  return { node, set };
}

export default { render };
