/** A plane of styles and a choice of labels: what is decoded of z and y, and of z and each label. */

import { picture } from "./canvas.js";
import { announcement, change, element, mount, onChange, slider, text } from "./controls.js";
import { Network, probabilities } from "./network.js";
import { cursor, ellipses, isInside, plane } from "./plane.js";

const REACH = 3; // standard deviations of the prior from the middle of the plane to its edge
const EXTENT = { left: -REACH, right: REACH, bottom: -REACH, top: REACH };

function render({ model, el }) {
  const side = model.get("side");
  const labels = Array.from({ length: model.get("num_labels") }, (_, label) => label);
  const decoder = new Network(model.get("decoder"));
  /** The first layer is given z and, behind it, a 1 in the place of the label. */
  const decode = (z, label) =>
    probabilities(decoder.run([...z, ...labels.map((other) => Number(other === label))]));

  const large = picture({ label: "", width: side, caption: "" });
  const spoken = announcement();
  const setZ = (z) => change(model, { z });
  const map = plane({
    label: "Plane of styles. Arrow keys move the point z, with shift in larger steps.",
    extent: EXTENT,
    axes: ["z₁", "z₂"],
    value: () => model.get("z"),
    onMove: setZ,
    paintGround: (brush) => ellipses(brush, brush.ink.muted, [0, 0], [1, 1]), // of p(z)
    paint: (brush) => {
      cursor(brush, model.get("z"));
      show();
    },
  });
  const sliders = ["z₁", "z₂"].map((label, d) =>
    slider({
      label,
      min: -REACH,
      max: REACH,
      step: 0.01,
      value: model.get("z")[d],
      format: (value) => text(value),
      onInput: (value) => setZ(model.get("z").map((old, i) => (i === d ? value : old))),
    }),
  );
  const name = `vae-y-${Math.random()}`; // of this view's own group
  const choices = labels.map((label) => choiceOf(label, name, side, model));

  function show() {
    const [z, label] = ["z", "label"].map((trait) => model.get(trait));
    const at = `z = (${z.map((value) => text(value)).join(", ")})`;
    const images = labels.map((each) => decode(z, each));
    choices.forEach((each) => each.show(images[each.label], each.label === label));
    large.draw(images[label], `Image decoded at ${at} for the label ${label}`);
    large.node.children[1].textContent = `decoded at z for y = ${label}`;
    sliders.forEach((one, d) => one.set(z[d]));
    spoken.say(`${at}${isInside(z, EXTENT) ? "" : ", beyond the plane"}, y = ${label}`);
  }

  const right = element("div", {}, large.node, ...sliders.map((one) => one.node));
  const legend = element("legend", {}, "label y, at the same z");
  const group = element(
    "fieldset",
    { className: "vae-wide vae-labels" },
    legend,
    ...choices.map((each) => each.node),
  );
  large.node.classList.add("vae-large");
  const circles = element("span", {}, "(circles: one and two σ of its prior)");
  const title = element("div", { className: "vae-title" }, "style z ", circles);
  const stop = mount(
    el,
    [element("div", {}, title, map.node, spoken.node), right, group],
    [
      ...[map, large, spoken, ...choices].map((part) => part.stop),
      onChange(model, ["z", "label"], map.draw),
    ],
  );
  return stop;
}

/** A radio button under the image of its label; a click on the image chooses it, too. */
function choiceOf(label, name, side, model) {
  const image = picture({ label: "", width: side, caption: "" });
  image.canvas.setAttribute("aria-hidden", "true"); // the large one tells
  const radio = element("input", { type: "radio", name, value: String(label) });
  radio.addEventListener("input", () => change(model, { label }));
  const node = element("label", {}, radio, image.canvas, element("span", {}, String(label)));
  const show = (pixels, chosen) => {
    image.draw(pixels);
    radio.checked = chosen;
  };
  return { label, node, show, stop: image.stop };
}

export default { render };
