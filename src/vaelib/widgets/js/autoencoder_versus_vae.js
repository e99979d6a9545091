/** Two latent maps in the same units with one cursor, and one walk between two images on both. */

import { bytesOf, imagesOf, nearestPoint, paintCloud, pairsOf } from "./cloud.js";
import { picture } from "./canvas.js";
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
import { Network, fromBytes, fromFloat32, normals, probabilities } from "./network.js";
import { oncePerFrame } from "./page.js";
import { cursor, dot, line, plane, ring } from "./plane.js";

const STEPS = 9; // images on the way from one to the other
const COUNTED = 1000; // random codes whose holes are counted
const HOLES = "random codes in holes";

/** One of the two models: its codes in standard deviations from their mean, and its decoder. */
function modelOf(model, name, title) {
  const { mean, std, radius } = model.get(`${name}_frame`);
  const decoder = new Network(model.get(`${name}_decoder`));
  const raw = pairsOf(fromFloat32(model.get(`${name}_codes`)));
  const codes = raw.map((z) => z.map((value, d) => (value - mean[d]) / std[d]));
  const latent = (at) => at.map((value, d) => mean[d] + std[d] * value);
  return {
    title,
    codes,
    radius,
    latent,
    decode: (at) => probabilities(decoder.run(latent(at))),
    along: (start, end, t) => codes[start].map((from, d) => (1 - t) * from + t * codes[end][d]),
  };
}

/** The share of draws from N(0, I), in these units, that have no code within the radius. */
function shareInHoles({ codes, radius }) {
  const normal = normals(1);
  let count = 0;
  for (let k = 0; k < COUNTED; k += 1) {
    if (nearestPoint(codes, [normal(), normal()]).distance > radius) count += 1;
  }
  return count / COUNTED;
}

function render({ model, el }) {
  const models = [modelOf(model, "autoencoder", "autoencoder"), modelOf(model, "vae", "VAE")];
  const side = model.get("side");
  const images = imagesOf(fromBytes(model.get("images")), side);
  const labels = bytesOf(model.get("labels"));
  const spoken = announcement();
  const setAt = (at) => change(model, { at });
  const views = models.map((one) => viewOf(one, model, { side, labels, setAt }));
  const walk = walkOf(models, model, { side, images, labels });

  const { left, right, bottom, top } = model.get("extent");
  const reach = [
    ["across", left, right],
    ["up", bottom, top],
  ];
  const sliders = reach.map(([label, min, max], d) =>
    slider({
      label,
      min,
      max,
      step: 0.01,
      value: model.get("at")[d],
      format: (value) => text(value),
      onInput: (value) => setAt(model.get("at").map((old, i) => (i === d ? value : old))),
    }),
  );
  const random = button("random code", () => {
    const seed = model.get("seed") + 1;
    const normal = normals(seed);
    change(model, { seed, at: [normal(), normal()] });
  });

  const show = oncePerFrame(() => {
    const at = model.get("at");
    sliders.forEach((one, d) => one.set(at[d]));
    const found = views.map((view) => view.show(at));
    const beyond = at[0] < left || at[0] > right || at[1] < bottom || at[1] > top;
    const where = `(${at.map((value) => text(value)).join(", ")})${beyond ? ", beyond the maps" : ""}`;
    spoken.say(`Cursor at ${where}. Autoencoder: ${found[0]}. VAE: ${found[1]}.`);
  });
  const showWalk = oncePerFrame(() => {
    walk.show();
    views.forEach((view) => view.map.draw());
  });

  const nodes = sliders.map((one) => one.node);
  const children = [
    ...views.map((view) => view.node),
    element("div", { className: "vae-wide vae-even" }, ...nodes, random, spoken.node),
    walk.node,
  ];
  const parts = [...views.flatMap((view) => view.parts), ...walk.parts, spoken, show, showWalk];
  const stop = mount(el, children, [
    ...parts.map((part) => part.stop),
    onChange(model, ["at"], show),
    onChange(model, ["t", "start", "end"], showWalk),
  ]);
  show();
  showWalk();
  return stop;
}

/** One model's map with the cursor, what is decoded there, and how far the nearest code is. */
function viewOf(one, model, { side, labels, setAt }) {
  const decoded = picture({ label: "", width: side, caption: "decoded at the cursor" });
  const numbers = readout(["z", "nearest code", "hole", HOLES], `${one.title} at the cursor`);
  numbers.set({ [HOLES]: `${text(100 * shareInHoles(one), 0)} %` });
  const map = plane({
    label:
      `Latent map of the ${one.title}, in standard deviations from its mean; grey where no code ` +
      "is near. Arrow keys move the cursor on both maps, with shift in larger steps.",
    extent: model.get("extent"),
    axes: ["z₁, standardised", "z₂, standardised"],
    value: () => model.get("at"),
    onMove: setAt,
    paintGround: (brush) => {
      paintCloud(brush, one.codes, labels);
      paintHoles(brush, one);
    },
    paint: (brush) => {
      paintWalk(brush, one, model);
      const at = model.get("at");
      const nearest = one.codes[nearestPoint(one.codes, at).index];
      brush.context.lineWidth = 2;
      line(brush.context, brush.ink.ink, brush.place(at), brush.place(nearest));
      cursor(brush, at);
    },
  });
  /** @returns {string} whether the place is in a hole, in words */
  const show = (at) => {
    map.draw();
    const z = `(${one
      .latent(at)
      .map((value) => text(value))
      .join(", ")})`;
    decoded.draw(one.decode(at), `Image that the ${one.title} decodes at z = ${z}`);
    const away = nearestPoint(one.codes, at).distance / one.radius;
    const words = away > 1 ? "in a hole" : "codes are near";
    numbers.set({ z, "nearest code": `${text(away, 1)} ρ away`, hole: away > 1 ? "yes" : "no" });
    return words;
  };
  const legend = element("span", {}, "(grey: no code within ρ)");
  const node = element(
    "div",
    {},
    element("div", { className: "vae-title" }, one.title, " ", legend),
    map.node,
    element("div", { className: "vae-answer vae-beside" }, decoded.node, numbers.node),
  );
  return { node, map, show, parts: [map, decoded] };
}

/** Grey under everything but the discs in which a code is near. */
function paintHoles({ context, place, scale, ink, width, height }, { codes, radius }) {
  context.globalCompositeOperation = "destination-over";
  codes.forEach((code) => dot(context, ink.ground, place(code), radius * scale));
  context.globalAlpha = 0.7;
  context.fillStyle = ink.grid;
  context.fillRect(0, 0, width, height);
  context.globalAlpha = 1;
  context.globalCompositeOperation = "source-over";
}

/** The straight line between the two images' codes, and where on it t is. */
function paintWalk({ context, place, ink }, one, model) {
  const [start, end, t] = ["start", "end", "t"].map((name) => model.get(name));
  const [from, to] = [place(one.codes[start]), place(one.codes[end])];
  for (const [color, thickness] of [
    [ink.ground, 5],
    [ink.accent, 2.5],
  ]) {
    context.lineWidth = thickness;
    line(context, color, from, to);
    for (const spot of [from, to]) dot(context, color, spot, thickness + 1.5);
  }
  const now = place(one.along(start, end, t));
  dot(context, ink.ground, now, 6);
  ring(context, ink.accent, 2.5, now, 5);
}

/** Two images, the share t of the way between them, and what both models decode on the way. */
function walkOf(models, model, { side, images, labels }) {
  const ends = [
    ["start", "from image"],
    ["end", "to image"],
  ].map(([name, label]) => ({
    name,
    image: picture({ label: "", width: side, caption: label.split(" ")[0] }),
    control: slider({
      label,
      min: 0,
      max: images.length - 1,
      step: 1,
      value: model.get(name),
      format: (value) => String(value),
      onInput: (value) => change(model, { [name]: value }),
    }),
  }));
  const share = slider({
    label: "t",
    min: 0,
    max: 1,
    step: 0.01,
    value: model.get("t"),
    onInput: (t) => change(model, { t }),
  });
  const rows = models.map((one) => ({
    one,
    now: picture({ label: "", width: side, caption: "at t" }),
    strip: picture({
      label: "",
      width: side,
      columns: STEPS,
      caption: `${one.title}, t from 0 to 1`,
    }),
  }));

  const show = () => {
    const [start, end, t] = ["start", "end", "t"].map((name) => model.get(name));
    share.set(t);
    for (const { name, image, control } of ends) {
      const chosen = model.get(name);
      control.set(chosen);
      image.draw(images[chosen], `Test image ${chosen}, labelled ${labels[chosen]}`);
    }
    for (const { one, now, strip } of rows) {
      now.draw(one.decode(one.along(start, end, t)), `Image of the ${one.title} at t = ${text(t)}`);
      const way = `on the way from a ${labels[start]} to a ${labels[end]}`;
      for (let k = 0; k < STEPS; k += 1) {
        const pixels = one.decode(one.along(start, end, k / (STEPS - 1)));
        strip.draw(pixels, `${STEPS} images of the ${one.title} ${way}`, k);
      }
    }
  };
  const node = element(
    "div",
    { className: "vae-wide vae-even" },
    ...[...ends.map((one) => one.control), share].map((one) => one.node),
    element(
      "div",
      { className: "vae-walk" },
      ...rows.flatMap(({ now, strip }, i) => [ends[i].image.node, strip.node, now.node]),
    ),
  );
  const parts = [
    ...ends.map(({ image }) => image),
    ...rows.flatMap(({ now, strip }) => [now, strip]),
  ];
  return { node, show, parts };
}

export default { render };
