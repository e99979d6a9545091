/**
 * The book's VAE, trained here and now, with the bugs that a reader switches on. The view: what is
 * computed is in playground_engine.js.
 */

import { picture } from "./canvas.js";
import { pairsOf } from "./cloud.js";
import {
  announcement,
  button,
  change,
  element,
  enable,
  mount,
  onChange,
  readout,
  text,
} from "./controls.js";
import { fromBytes, fromFloat32 } from "./network.js";
import { reducedMotion } from "./page.js";
import { faultPanel, settingSliders, settingsOf, startChoices } from "./playground_controls.js";
import { startEngine } from "./playground_engine.js";
import { drawRow, latentMap } from "./playground_map.js";
import { CURVES, divergedText, natsText, newHistory, runChart } from "./playground_run.js";

const ROWS = ["loss of the code", ...CURVES];
const SPEAK_EVERY = 2000; // milliseconds: no screen reader could follow more
const START = ["seed", "hidden_dim", "likelihood", "sigma"]; // a change of these begins anew
const WHILE = ["beta", "learning_rate", "batch_size", "fault"];

/** Mean and standard deviation of the batches' losses since the last look. */
export function reportedText(losses) {
  if (!losses.length) return "–";
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const square = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / losses.length;
  const spread = losses.length > 1 ? ` ± ${natsText(Math.sqrt(square))}` : "";
  return natsText(mean) + spread;
}

/** The digits, asked for once and only when they are needed; returns what stops waiting. */
function askForDigits(model, onDigits, onProblem) {
  let isAsked = false;
  const hear = (message, buffers) => {
    if (message.wanted !== "digits") return;
    isAsked = false;
    if (message.problem) onProblem(message.problem);
    else onDigits(buffers[0]);
  };
  model.on("msg:custom", hear);
  const ask = () => {
    if (isAsked) return;
    isAsked = true;
    model.send({ wanted: "digits" });
  };
  return { ask, stop: () => model.off("msg:custom", hear) };
}

/** Calls back whenever the widget comes into sight or leaves it, or its tab does. */
function onSight(el, callback) {
  let isNear = true;
  const tell = () => callback(isNear && document.visibilityState === "visible");
  const observer = new IntersectionObserver((entries) => {
    isNear = entries.at(-1)?.isIntersecting ?? true;
    tell();
  });
  observer.observe(el);
  document.addEventListener("visibilitychange", tell);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", tell);
  };
}

function render({ model, el }) {
  const examples = fromBytes(model.get("images"));
  const columns = examples.length / 784;
  /** @type {any} */
  let state = { id: 0, history: newHistory() }; // of the run: see begin
  let kept = [];
  let isSeen = true;
  let order = 0; // of what the engine was told
  let spokenAt = 0;
  /** @type {Uint8Array | null} */
  let labels = null; // of the test digits, once they are there
  let known = model.get("weights"); // what this view has told Python, or was told
  let asked = null; // the point for which the engine has not answered yet

  const map = latentMap(model, () => ({ means: state.means, labels }));
  const curves = runChart(
    () => state.history.moments(),
    () => kept,
  );
  const decoded = picture({ label: "Image decoded at z", width: 28, caption: "decoded at z" });
  const [shown, rebuilt, invented] = ["test digits", "rebuilt", "drawn from the prior"].map(
    (caption) => picture({ label: caption, width: 28, caption, columns }),
  );
  const numbers = readout(ROWS, "nats per image");
  const spoken = announcement();
  const faults = faultPanel(model);
  const sliders = settingSliders(model);
  const choices = startChoices(model);
  const play = button("train", () => (state.wish === "run" ? pause() : train("run")));
  const step = button("one step", () => train("step"));
  const epoch = button("one epoch", () => train("epoch"));
  const reset = button("reset", () => begin());
  const keep = button("keep this run", keepRun);

  const hear = {
    shown(message) {
      if (message.id !== state.id) return;
      const isOver = !message.running && message.order === order && isSeen;
      if (message.order === order && isOver) state.wish = "";
      if (message.terms) note(message);
      if (message.whole || !message.running) engine.send({ kind: "weights" });
      if (reducedMotion() && message.running && !message.whole) return;
      draw(message);
      if (message.terms) tell(message, isOver);
      showButtons();
    },
    diverged(message) {
      if (message.id !== state.id) return;
      Object.assign(state, { wish: "", hasDiverged: true });
      numbers.set({ [ROWS[0]]: natsText(message.loss) });
      spoken.say(divergedText(message));
      showButtons();
    },
    decoded(message) {
      if (message.id !== state.id) return;
      const [x, y] = message.z.map((value) => text(value));
      decoded.draw(message.pixels, `Image decoded at z = (${x}, ${y})`);
      const isOld = String(asked) !== String(message.z);
      asked = null;
      if (isOld) askDecoded();
    },
    weights(message) {
      if (message.id !== state.id || (state.isGiven && !state.isTrained)) return;
      known = new DataView(message.numbers.buffer);
      change(model, { weights: known });
    },
    failed: (message) => complain(message.reason),
  };
  const engine = startEngine((message) => hear[message.kind](message));
  const digits = askForDigits(model, receive, complain);

  /** A run from new weights, or from those that Python has sent. */
  function begin(/** @type {Float32Array | null} */ weights = null) {
    const id = state.id + 1; // answers about an older run are not heard
    state = { id, history: newHistory(), wish: "", hasDiverged: false, isGiven: !!weights };
    const start = { id, seed: model.get("seed"), hidden: model.get("hidden_dim"), weights };
    engine.send({ kind: "reset", ...start, settings: settingsOf(model), examples });
    asked = null;
    map.fit([]);
    numbers.set(Object.fromEntries(ROWS.map((name) => [name, "–"])));
    spoken.say(weights ? "Weights from Python, not trained here." : "Not trained yet.");
    showButtons();
    curves.draw();
  }

  /** Trains without end, for a step or for an epoch; the digits may have to come first. */
  function train(wish) {
    if (state.hasDiverged) return;
    Object.assign(state, { wish, isTrained: true });
    if (labels) command(wish);
    else {
      order += 1; // what the engine shows of earlier does not end the wish
      spoken.say("The digits are on their way.");
      digits.ask();
    }
    showButtons();
  }

  function command(kind) {
    order += 1;
    engine.send({ kind, order });
  }

  function pause() {
    state.wish = "";
    command("pause");
    showButtons();
  }

  /** What is out of sight does not train; back in sight it goes on. */
  function see(isVisible) {
    if (isVisible === isSeen) return;
    isSeen = isVisible;
    if (labels && state.wish) command(isSeen ? state.wish : "pause");
  }

  function receive(view) {
    if (labels) return;
    const data = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
    labels = new Uint8Array(data.slice(4, 4 + new DataView(data).getUint16(2, true)));
    engine.send({ kind: "digits", data });
    spoken.say(state.wish ? "Training has begun." : "The digits are there.");
    if (state.wish && isSeen) command(state.wish);
  }

  function complain(problem) {
    state.wish = "";
    spoken.say(`Nothing can be trained: ${problem}.`);
    showButtons();
  }

  function keepRun() {
    if (state.history.moments().length < 2) return;
    kept = [...state.history.moments()];
    curves.draw();
  }

  function showButtons() {
    play.textContent = state.wish === "run" ? "pause" : "train";
    for (const node of [play, step, epoch]) enable(node, !state.hasDiverged);
    enable(keep, state.history.moments().length > 1);
  }

  /** One request at a time: the newest point waits for the answer to an older one. */
  function askDecoded() {
    const z = [...model.get("z")];
    const isFree = !asked;
    asked = z;
    if (isFree) engine.send({ kind: "decode", z });
  }

  function note({ epoch: time, terms, means }) {
    state.means = pairsOf(means);
    state.history.add({ epoch: time, values: [terms[0] + terms[1], ...terms] });
  }

  function draw(message) {
    drawRow(rebuilt, message.rebuilt, "The same digits, rebuilt");
    drawRow(invented, message.invented, "Images decoded at draws from the prior");
    askDecoded();
    if (!message.terms) return;
    map.fit(state.means);
    curves.draw();
    const values = [message.terms[0] + message.terms[1], ...message.terms].map(natsText);
    const row = [reportedText(message.losses), ...values];
    numbers.set(Object.fromEntries(ROWS.map((name, i) => [name, row[i]])));
  }

  /** Says epoch and bound, but not so often that nothing could be heard to its end. */
  function tell({ epoch: time, terms, whole }, isOver) {
    const now = performance.now();
    if (!isOver && !(whole && now > spokenAt + SPEAK_EVERY)) return;
    spokenAt = now;
    const before = state.isGiven ? "Weights from Python, not trained here" : "Before training";
    const when = time ? `After epoch ${text(time, whole ? 0 : 2)}` : before;
    const said = `${when}, −ELBO ${natsText(terms[0] + terms[1])} nats`;
    spoken.say(`${said}.`);
    curves.node.setAttribute("aria-label", `Curves of the test digits. ${said}`);
  }

  /** Traits may change together: a run begins once, with the weights if there are some. */
  let isDue = false;
  /** @type {Float32Array | null} */
  let given = null;
  function beginSoon(/** @type {Float32Array | null} */ weights) {
    given = weights ?? given;
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      const start = given;
      isDue = false;
      given = null;
      begin(start);
    });
  }
  function hearWeights() {
    const weights = model.get("weights");
    if (isSame(weights, known)) return;
    known = weights;
    if (weights.byteLength) beginSoon(fromFloat32(weights));
  }

  const children = [
    element("div", { className: "vae-wide vae-buttons" }, play, step, epoch, reset, keep),
    element(
      "div",
      {},
      map.node,
      spoken.node,
      element("div", { className: "vae-beside vae-answer" }, decoded.node, numbers.node),
    ),
    element("div", { className: "vae-even" }, curves.node, ...sliders.nodes),
    element("div", { className: "vae-wide" }, shown.node, rebuilt.node, invented.node),
    element("div", { className: "vae-even" }, ...choices.nodes),
    element("div", {}, faults.node),
  ];
  const stop = mount(el, children, [
    ...[map, curves, decoded, shown, rebuilt, invented, spoken].map((part) => part.stop),
    ...[engine, digits, faults, sliders, choices].map((part) => part.stop),
    onSight(el, see),
    onChange(model, WHILE, () => engine.send({ kind: "settings", settings: settingsOf(model) })),
    onChange(model, START, () => beginSoon(null)),
    onChange(model, ["weights"], hearWeights),
    onChange(model, ["z"], () => {
      map.draw();
      askDecoded();
    }),
  ]);
  drawRow(shown, examples, "Test digits, one of each label");
  begin(known.byteLength ? fromFloat32(known) : null);
  return stop;
}

/** Whether two views have the same bytes. */
function isSame(one, other) {
  if (one.byteLength !== other.byteLength) return false;
  for (let i = 0; i < one.byteLength; i += 1)
    if (one.getUint8(i) !== other.getUint8(i)) return false;
  return true;
}

export default { render };
