/** A map of the latent space: move the point, see what is decoded; choose an image, see its q(z|x). */

import { bytesOf, imagesOf, nearestPoint, paintCloud, pairsOf } from "./cloud.js";
import { picture } from "./canvas.js";
import {
  announcement,
  change,
  element,
  mount,
  onChange,
  readout,
  slider,
  text,
  zoomSlider,
} from "./controls.js";
import {
  Network,
  fromBytes,
  fromFloat32,
  gaussianKL,
  probabilities,
  reconstructionLoss,
} from "./network.js";
import { cursor, dot, ellipses, isInside, plane } from "./plane.js";

function read(model) {
  const side = model.get("side");
  return {
    side,
    means: pairsOf(fromFloat32(model.get("means"))),
    labels: bytesOf(model.get("labels")),
    images: imagesOf(fromBytes(model.get("images")), side),
    logVar: pairsOf(fromFloat32(model.get("log_var"))),
    losses: fromFloat32(model.get("reconstruction_loss")), // averaged over q(z|x)
    decoder: new Network(model.get("decoder")),
    likelihood: { kind: model.get("likelihood"), sigma: model.get("sigma") },
  };
}

function render({ model, el }) {
  const data = read(model);
  const extent = model.get("extent");
  const reach = { z1: [extent.left, extent.right], z2: [extent.bottom, extent.top] };
  const [decoded, original, rebuilt] = ["decoded at z", "test image x", "rebuilt from μ"].map(
    (caption) => picture({ label: "", width: data.side, caption }),
  );
  const numbers = readout([
    "μ",
    "σ",
    "KL(q(z|x) ‖ p(z))",
    "reconstruction loss",
    "−ELBO",
    "−log p(x|z) at your z",
  ]);
  const spoken = announcement();
  const setZ = (z) => change(model, { z });
  const choose = (chosen) => change(model, { chosen, z: [...data.means[chosen]] });

  const map = plane({
    label: "Latent map of test images. Arrow keys move the point z, with shift in larger steps.",
    extent,
    axes: ["z₁", "z₂"],
    value: () => model.get("z"),
    onMove: setZ,
    onPick: (point, within) => {
      const near = nearestPoint(data.means.slice(0, data.images.length), point);
      if (near.distance <= within) choose(near.index);
      else setZ(point);
    },
    paintGround: (brush) => paintCloud(brush, data.means, data.labels),
    paint: (brush) => {
      const chosen = model.get("chosen");
      ellipses(brush, brush.ink.ink, data.means[chosen], sigmaOf(data, chosen));
      dot(brush.context, brush.ink.ink, brush.place(data.means[chosen]), 4);
      cursor(brush, model.get("z"));
      showDecoded();
    },
  });

  const sliders = ["z1", "z2"].map((name, d) =>
    slider({
      label: d ? "z₂" : "z₁",
      min: reach[name][0],
      max: reach[name][1],
      step: 0.01,
      value: model.get("z")[d],
      format: (value) => text(value),
      onInput: (value) => setZ(model.get("z").map((old, i) => (i === d ? value : old))),
    }),
  );
  const images = slider({
    label: "image",
    min: 0,
    max: data.images.length - 1,
    step: 1,
    value: model.get("chosen"),
    format: (value) => String(value),
    onInput: choose,
  });

  let factor = 1;
  const magnify = () => map.zoom(factor, data.means[model.get("chosen")]);
  const zoom = zoomSlider((value) => {
    factor = value;
    magnify();
  });

  function showDecoded() {
    const z = model.get("z");
    const logits = data.decoder.run(z);
    const at = `z = (${text(z[0])}, ${text(z[1])})`;
    decoded.draw(probabilities(logits), `Image decoded at ${at}`);
    const loss = reconstructionLoss(data.likelihood, data.images[model.get("chosen")], logits);
    numbers.set({ "−log p(x|z) at your z": `${text(loss, 1)} nats` });
    sliders.forEach((one, d) => one.set(z[d]));
    spoken.say(isInside(z, extent) ? at : `${at}, beyond the map`);
  }

  function showChosen() {
    const chosen = model.get("chosen");
    const [mu, sigma] = [data.means[chosen], sigmaOf(data, chosen)];
    const kl = gaussianKL(mu, data.logVar[chosen]);
    const loss = data.losses[chosen];
    const label = data.labels[chosen];
    original.draw(data.images[chosen], `Test image ${chosen}, labelled ${label}`);
    const again = probabilities(data.decoder.run(mu));
    rebuilt.draw(again, `Test image ${chosen} rebuilt from its mean`);
    numbers.set({
      μ: `(${mu.map((value) => text(value)).join(", ")})`,
      σ: `(${sigma.map((value) => text(value)).join(", ")})`,
      "KL(q(z|x) ‖ p(z))": `${text(kl, 1)} nats`,
      "reconstruction loss": `${text(loss, 1)} nats`,
      "−ELBO": `${text(loss + kl, 1)} nats`,
    });
    images.set(chosen);
    magnify();
  }

  const pictures = element(
    "div",
    { className: "vae-pictures" },
    decoded.node,
    original.node,
    rebuilt.node,
  );
  const below = [...sliders, images, zoom].map((s) => s.node);
  const children = [
    element("div", {}, map.node, spoken.node),
    element("div", {}, pictures, ...below, numbers.node),
  ];
  const stop = mount(el, children, [
    ...[map, decoded, original, rebuilt, spoken].map((part) => part.stop),
    onChange(model, ["z"], map.draw),
    onChange(model, ["chosen"], showChosen),
  ]);
  showChosen();
  return stop;
}

function sigmaOf(data, chosen) {
  return data.logVar[chosen].map((value) => Math.exp(value / 2));
}

export default { render };
