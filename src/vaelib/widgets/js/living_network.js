/** The VAE as one picture: an image's own values on their way from the pixels to the loss. */

import { canvas, picture } from "./canvas.js";
import { imagesOf, pairsOf } from "./cloud.js";
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
import { PARTS, TITLES } from "./living_parts.js";
import {
  Network,
  fromBytes,
  fromFloat32,
  gaussianKL,
  normals,
  probabilities,
  reconstructionLoss,
} from "./network.js";
import { colors, onPageChange, oncePerFrame, reducedMotion } from "./page.js";
import { clamp, dot, ellipses, line } from "./plane.js";

const REACH = 3; // of each coordinate of the noise
const PULSE = 140; // milliseconds from one part to the next
const FLOW =
  "display: grid; grid-template-columns: repeat(auto-fit, minmax(5.6rem, 1fr)); gap: 0.75rem 1.1rem; " +
  "padding-left: 0.4rem";
const STAGE =
  "position: relative; display: flex; flex-direction: column; align-items: stretch; " +
  "justify-content: flex-end; gap: 0.25rem; padding: 0.35rem; min-width: 0; text-align: center";
const ARROW =
  "position: absolute; left: -1.05rem; top: 50%; transform: translateY(-50%); color: var(--vae-muted)";

export function read(model) {
  const images = imagesOf(fromBytes(model.get("images")), model.get("side"));
  const hidden = fromFloat32(model.get("hidden"));
  const units = hidden.length / images.length;
  return {
    side: model.get("side"),
    images,
    hidden: images.map((_, i) => hidden.subarray(i * units, (i + 1) * units)),
    mu: pairsOf(fromFloat32(model.get("mu"))),
    logVar: pairsOf(fromFloat32(model.get("log_var"))),
    decoder: new Network(model.get("decoder")),
    likelihood: { kind: model.get("likelihood"), sigma: model.get("sigma") },
  };
}

/** All that the picture shows of an image and a draw. */
export function flowOf(data, chosen, eps) {
  const [image, hidden, mu] = [data.images[chosen], data.hidden[chosen], data.mu[chosen]];
  const sigma = data.logVar[chosen].map((value) => Math.exp(value / 2));
  const z = mu.map((mean, d) => mean + sigma[d] * eps[d]);
  const layers = data.decoder.trace(z);
  const [answer, logits] = [layers[0], layers[layers.length - 1]];
  const above = (numbers) => numbers.reduce((sum, number) => sum + (number > 0 ? 1 : 0), 0);
  return {
    ...{ image, hidden, answer, mu, sigma, eps, z, side: data.side },
    pixels: probabilities(logits),
    ...{ inked: above(image), units: hidden.length, active: above(hidden) },
    ...{ answers: answer.length, answering: above(answer) },
    isBernoulli: data.likelihood.kind === "bernoulli",
    isRelu: data.decoder.layers[0].activation === "relu",
    loss: reconstructionLoss(data.likelihood, image, logits),
    kl: gaussianKL(mu, data.logVar[chosen]),
  };
}

function render({ model, el }) {
  const data = read(model);
  let flow = flowOf(data, 0, [0, 0]);
  const open = (part) => change(model, { part });
  const rows = Math.ceil(Math.sqrt(data.hidden[0].length));
  const answers = Math.ceil(Math.sqrt(data.decoder.layers[0].outputs));
  const shown = {
    image: picture({ label: "", width: data.side, caption: "" }),
    encoder: picture({ label: "", width: rows, caption: "" }),
    posterior: drawing("q(z|x) over the prior", (paper) => paintPosterior(paper, flow)),
    draw: drawing("z on the ellipses of q", (paper) => paintDraw(paper, flow)),
    decoder: picture({ label: "", width: answers, caption: "" }),
    rebuilt: picture({ label: "", width: data.side, caption: "" }),
    loss: lossBar(),
  };
  const stages = PARTS.map(({ name, label }, i) =>
    stage(shown[name].node, label, i, () => open(name)),
  );
  const told = element("p", {
    "aria-live": "polite",
    style: "margin: 0.75rem 0 0; min-height: 8.5em",
  });
  const spoken = announcement();
  const images = slider({
    label: "image",
    min: 0,
    max: data.images.length - 1,
    step: 1,
    value: 0,
    format: (value) => String(value),
    onInput: (chosen) => change(model, { chosen }),
  });
  const noise = [0, 1].map((d) =>
    slider({
      label: d ? "noise ε₂" : "noise ε₁",
      min: -REACH,
      max: REACH,
      step: 0.05,
      value: 0,
      format: (value) => text(value),
      onInput: (value) =>
        change(model, { eps: model.get("eps").map((old, i) => (i === d ? value : old)) }),
    }),
  );
  const normal = normals(1 + Math.floor(1e6 * Math.random()));
  const again = button("draw ε again", () => {
    change(model, { eps: [0, 1].map(() => clamp(normal(), -REACH, REACH)) });
    pulse(stages, 3);
  });

  function show() {
    const [chosen, eps] = [model.get("chosen"), model.get("eps")];
    if (!data.images[chosen] || eps.some((each) => !(Math.abs(each) <= REACH))) {
      spoken.say("There is no such image or noise: what is shown is the last that was.");
      return;
    }
    flow = flowOf(data, chosen, eps);
    shown.image.draw(flow.image, `Image ${chosen}`);
    shown.encoder.draw(relative(flow.hidden), `${flow.active} of ${flow.units} hidden units`);
    shown.decoder.draw(relative(flow.answer), `${flow.answering} of ${flow.answers} hidden units`);
    shown.rebuilt.draw(flow.pixels, "What is rebuilt of it");
    for (const name of ["posterior", "draw"]) shown[name].draw();
    shown.loss.set(flow);
    images.set(chosen);
    noise.forEach((one, d) => one.set(eps[d]));
    const at = flow.z.map((value) => text(value)).join(", ");
    spoken.say(`Image ${chosen}, z = (${at}), −ELBO ${text(flow.loss + flow.kl, 1)} nats.`);
    explain();
  }

  function explain() {
    const part = PARTS.find(({ name }) => name === model.get("part")) ?? PARTS[0];
    stages.forEach((node, i) => {
      const isOpen = PARTS[i] === part;
      node.setAttribute("aria-pressed", String(isOpen));
      node.style.borderColor = isOpen ? "var(--vae-accent)" : "";
      node.style.boxShadow = isOpen ? "0 0 0 1px var(--vae-accent)" : "";
    });
    const more = part.page.flatMap((page, i) => [i ? " and " : " More in ", chapter(el, page)]);
    told.replaceChildren(element("strong", {}, part.label), `: ${part.text(flow)}`, ...more, ".");
  }

  const [loss, ...others] = [stages[PARTS.length - 1], ...stages.slice(0, -1)];
  const children = [
    element("div", { className: "vae-wide", style: FLOW }, ...others),
    element("div", {}, loss, told),
    element("div", {}, images.node, ...noise.map((one) => one.node), again, spoken.node),
  ];
  const stop = mount(el, children, [
    ...[spoken, ...Object.values(shown)].map((part) => part.stop),
    () => stages.forEach((node) => node.getAnimations().forEach((each) => each.cancel())),
    onChange(model, ["chosen"], () => pulse(stages, 0)),
    onChange(model, ["chosen", "eps"], show),
    onChange(model, ["part"], explain),
  ]);
  show();
  return stop;
}

/** A part of the picture, which explains itself when it is pressed. */
function stage(node, label, i, onOpen) {
  const made = button("", onOpen);
  made.style.cssText = STAGE;
  const arrow = element("span", { "aria-hidden": "true", style: ARROW }, "→");
  const isLast = i === PARTS.length - 1; // it stands below the others, and says itself what it is
  if (isLast) made.style.width = "100%";
  made.append(...(i && !isLast ? [arrow] : []), node, ...(isLast ? [] : [label]));
  return made;
}

/** A chapter's title, on a page as a link. */
function chapter(el, page) {
  if (!el.closest("figure[data-widget]")) return element("em", {}, TITLES[page]);
  return element("a", { href: `${page}.html` }, TITLES[page]);
}

/** Lights up one part after the other, as the values reach them. */
function pulse(stages, first) {
  if (reducedMotion()) return;
  stages.slice(first).forEach((node, i) => {
    node.getAnimations().forEach((each) => each.cancel());
    node.animate([{ background: "var(--vae-accent)" }, {}], {
      delay: i * PULSE,
      duration: 4 * PULSE,
      easing: "ease-out",
    });
  });
}

/** Hidden units as shares of the largest; those below 0 as far from 0. */
function relative(numbers) {
  const most = numbers.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0);
  return numbers.map((each) => (most ? Math.abs(each) / most : 0));
}

/** A square canvas that is painted anew whenever its page changes. */
function drawing(label, paint) {
  const { node, begin } = canvas({ label });
  const draw = oncePerFrame(() => {
    const paper = begin();
    if (paper.width) paint({ ...paper, ink: colors(node) });
  });
  const stopWatching = onPageChange(node, draw);
  const stop = () => {
    stopWatching();
    draw.stop();
  };
  return { node, draw, stop };
}

/** q(z|x) in both coordinates, filled, over the prior's outline; both equally high. */
function paintPosterior({ context, width, height, ink }, { mu, sigma }) {
  const place = (z) => (width * (z + 4)) / 8;
  for (const d of [0, 1]) {
    const base = (height * (d + 1)) / 2 - 4;
    const high = height / 2 - 18;
    const bump = (mean, deviation) => {
      context.beginPath();
      context.moveTo(0, base);
      for (let i = 0; i <= 160; i += 1) {
        const z = -4 + i / 20;
        context.lineTo(place(z), base - high * Math.exp(-0.5 * ((z - mean) / deviation) ** 2));
      }
    };
    bump(mu[d], Math.max(sigma[d], 0.05)); // narrower than a pixel nothing would be seen
    context.fillStyle = PALETTE[0];
    context.fill();
    bump(0, 1);
    context.strokeStyle = ink.muted;
    context.lineWidth = 1.5;
    context.stroke();
    line(context, ink.muted, [0, base], [width, base]);
    context.fillStyle = ink.ink;
    context.font = "12px system-ui, sans-serif";
    context.fillText(d ? "z₂" : "z₁", 2, base - high - 2);
  }
}

/** z on the ellipses of q, with room for every noise that the sliders have. */
function paintDraw({ context, width, height, ink }, { mu, sigma, z }) {
  const scale = width / (6.5 * Math.max(...sigma));
  /** @returns {[number, number]} */
  const place = ([x, y]) => [width / 2 + (x - mu[0]) * scale, height / 2 - (y - mu[1]) * scale];
  ellipses({ context, place, scale }, ink.muted, mu, sigma);
  dot(context, ink.muted, place(mu), 2);
  line(context, ink.ink, place(mu), place(z));
  dot(context, PALETTE[6], place(z), 5);
}

/** Both terms of the loss as lengths, and their sum. */
function lossBar() {
  const parts = [0, 1].map((i) => element("i", { className: `vae-sample vae-sample-${i}` }));
  const bar = element("span", { "aria-hidden": "true" }, ...parts);
  bar.style.cssText = "display: flex; height: 1.25rem";
  for (const { style } of parts) [style.height, style.margin] = ["100%", "0"];
  const words = element("span", { style: "font-variant-numeric: tabular-nums" });
  const node = element("span", { style: "display: grid; gap: 0.25rem" }, bar, words);
  node.style.setProperty("--above", PALETTE[0]);
  node.style.setProperty("--below", PALETTE[6]);
  const set = ({ loss, kl }) => {
    const whole = Math.max(Math.abs(loss) + kl, 1e-9);
    parts[0].style.width = `${(100 * Math.abs(loss)) / whole}%`;
    parts[1].style.width = `${(100 * kl) / whole}%`;
    const [first, second, sum] = [loss, kl, loss + kl].map((each) => text(each, 1));
    words.textContent = `loss: reconstruction ${first} + KL ${second} = −ELBO ${sum} nats`;
  };
  return { node, set, stop: () => {} };
}

export default { render };
