/** What a reader sets in a playground: what changes while it trains, what begins anew, and the bugs. */

import { button, change, choice, element, onChange, slider, text } from "./controls.js";
import { FAULTS } from "./playground_faults.js";

const RATES = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 10];
const BATCHES = [16, 32, 64, 128, 256, 512];
const LIKELIHOODS = [
  { value: "bernoulli 0.3", text: "Bernoulli" },
  { value: "gaussian 1", text: "Gaussian, σ = 1" },
  { value: "gaussian 0.3", text: "Gaussian, σ = 0.3" },
  { value: "gaussian 0.1", text: "Gaussian, σ = 0.1" },
];

/** What changes while it trains. */
export function settingsOf(model) {
  return {
    beta: model.get("beta"),
    rate: model.get("learning_rate"),
    batch: model.get("batch_size"),
    fault: model.get("fault"),
    likelihood: model.get("likelihood"),
    sigma: model.get("sigma"),
  };
}

/** The index of the number that is nearest, by its ratio. */
function nearestOf(numbers, value) {
  const far = numbers.map((number) => Math.abs(Math.log(number / value)));
  return far.indexOf(Math.min(...far));
}

/** A bug to choose, its line of code, and behind a button what becomes of it. */
export function faultPanel(model) {
  const options = Object.entries(FAULTS).map(([value, { name }]) => ({ value, text: name }));
  const chosen = choice({
    label: "break it",
    options,
    value: model.get("fault"),
    onInput: (fault) => change(model, { fault }),
  });
  const code = element("pre", { style: "margin: 0.5rem 0; white-space: pre-wrap" });
  const why = element("p", { style: "margin: 0.5rem 0 0", hidden: true });
  const fold = button("what it does, and why", () => open(why.hidden));
  const open = (isOpen) => {
    why.hidden = !isOpen;
    fold.setAttribute("aria-expanded", String(isOpen));
  };
  const show = () => {
    const fault = FAULTS[model.get("fault")];
    chosen.set(model.get("fault"));
    code.textContent = fault.wrong ? `- ${fault.right}\n+ ${fault.wrong}` : "";
    why.textContent = fault.why;
    for (const node of [code, fold]) node.hidden = !fault.why;
    open(false);
  };
  show();
  const node = element("div", { className: "vae-even" }, chosen.node, code, fold, why);
  return { node, stop: onChange(model, ["fault"], show) };
}

/** The sliders of what changes while it trains. */
export function settingSliders(model) {
  const beta = slider({
    label: "β",
    min: 0,
    max: 10,
    step: 0.1,
    value: model.get("beta"),
    format: (value) => text(value, 1),
    onInput: (value) => change(model, { beta: value }),
  });
  const rate = slider({
    label: "learning rate",
    min: 0,
    max: RATES.length - 1,
    step: 1,
    value: nearestOf(RATES, model.get("learning_rate")),
    format: (index) => String(RATES[index]),
    onInput: (index) => change(model, { learning_rate: RATES[index] }),
  });
  const batch = slider({
    label: "batch size",
    min: 0,
    max: BATCHES.length - 1,
    step: 1,
    value: nearestOf(BATCHES, model.get("batch_size")),
    format: (index) => String(BATCHES[index]),
    onInput: (index) => change(model, { batch_size: BATCHES[index] }),
  });
  const stop = onChange(model, ["beta", "learning_rate", "batch_size"], () => {
    beta.set(model.get("beta"));
    rate.set(nearestOf(RATES, model.get("learning_rate")));
    batch.set(nearestOf(BATCHES, model.get("batch_size")));
  });
  return { nodes: [beta, rate, batch].map((one) => one.node), stop };
}

/** What begins anew when it is chosen. */
export function startChoices(model) {
  const likelihood = () => `${model.get("likelihood")} ${model.get("sigma")}`;
  const known = () =>
    LIKELIHOODS.find(({ value }) => value === likelihood())?.value ?? LIKELIHOODS[0].value;
  const pixels = choice({
    label: "pixels",
    options: LIKELIHOODS,
    value: known(),
    onInput: (value) => {
      const [name, sigma] = value.split(" ");
      change(model, { likelihood: name, sigma: Number(sigma) });
    },
  });
  const hidden = choice({
    label: "hidden units",
    options: [16, 32, 64, 128, 256].map((size) => ({ value: String(size), text: String(size) })),
    value: String(model.get("hidden_dim")),
    onInput: (value) => change(model, { hidden_dim: Number(value) }),
  });
  const seed = slider({
    label: "seed",
    min: 1,
    max: 20,
    step: 1,
    value: model.get("seed"),
    format: (value) => String(value),
    onInput: (value) => change(model, { seed: value }),
  });
  const stop = onChange(model, ["likelihood", "sigma", "hidden_dim", "seed"], () => {
    pixels.set(known());
    hidden.set(String(model.get("hidden_dim")));
    seed.set(model.get("seed"));
  });
  return { nodes: [seed.node, hidden.node, pixels.node], stop };
}
