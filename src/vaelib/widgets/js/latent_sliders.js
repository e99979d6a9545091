/** A slider for each coordinate of a latent; Python decodes, and sends the image. */

import { picture } from "./canvas.js";
import { button, change, element, mount, onChange, slider, text } from "./controls.js";
import { fromBytes } from "./network.js";

const LONGER_SIDE = 200; // CSS pixels of the decoded image
const STEPS = 200; // of a slider, from its one end to the other

function render({ model, el }) {
  const [height, width, channels = 1] = model.get("shape");
  const image = picture({ label: "", width, height, channels, caption: "decoded at z" });
  image.canvas.style.width = `${(LONGER_SIDE * width) / Math.max(width, height)}px`;

  const moved = (index) => (value) =>
    change(model, { z: model.get("z").map((old, i) => (i === index ? value : old)) });
  const sliders = model.get("ranges").map(([min, max], index) =>
    slider({
      label: `z${index + 1}`,
      min,
      max,
      step: (max - min) / STEPS,
      value: model.get("z")[index],
      format: (value) => text(value),
      onInput: moved(index),
    }),
  );
  const showZ = () => model.get("z").forEach((value, i) => sliders[i].set(value));
  const showImage = () => {
    const at = model
      .get("z")
      .map((value) => text(value))
      .join(", ");
    image.draw(fromBytes(model.get("pixels")), `Image decoded at z = (${at})`);
  };

  const children = [
    element("div", { className: "vae-pinned" }, image.node),
    element("div", { className: "vae-many" }, ...sliders.map((one) => one.node)),
    element(
      "div",
      { className: "vae-wide vae-buttons" },
      button("sample from the prior", () => model.send("sample")),
      button("reset", () => model.send("reset")),
    ),
  ];
  const stop = mount(el, children, [
    image.stop,
    onChange(model, ["z"], showZ),
    onChange(model, ["pixels"], showImage),
  ]);
  showImage();
  return stop;
}

export default { render };
