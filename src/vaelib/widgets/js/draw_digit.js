/** Draw a digit: the encoder answers with q(z|x), the decoder with what it makes of it. */

import { bytesOf, paintCloud, pairsOf } from "./cloud.js";
import { picture } from "./canvas.js";
import {
  announcement,
  button,
  change,
  element,
  enable,
  mount,
  onChange,
  readout,
  slider,
  text,
  zoomSlider,
} from "./controls.js";
import { IMAGE_SIDE, asMnist, inkBox } from "./mnist_image.js";
import {
  Network,
  fromFloat32,
  gaussianKL,
  normals,
  probabilities,
  reconstructionLoss,
} from "./network.js";
import { INK_SIDE, PEN_WIDTH, pad } from "./pad.js";
import { oncePerFrame } from "./page.js";
import { clamp, dot, ellipses, plane, ring } from "./plane.js";

const DRAWS = 8; // of z from q(z|x), decoded and shown
const RING = 11; // CSS pixels
const AREA = IMAGE_SIDE ** 2;
const BLANK = new Uint8Array(AREA);
const NUMBERS = ["μ", "σ", "KL(q(z|x) ‖ p(z))", `reconstruction loss, ${DRAWS} draws`, "−ELBO"];

function render({ model, el }) {
  const data = read(model);
  const seen = picture({ label: "", width: IMAGE_SIDE, caption: "what the encoder sees, x" });
  const rebuilt = picture({ label: "", width: IMAGE_SIDE, caption: "rebuilt from μ" });
  const drawn = picture({
    label: "",
    width: IMAGE_SIDE,
    columns: DRAWS,
    caption: `rebuilt from ${DRAWS} draws z ~ q(z|x)`,
  });
  drawn.node.classList.add("vae-strip");
  const numbers = readout(NUMBERS);
  const spoken = announcement();
  /** @type {{pixels: Uint8Array | null, remark: string}} */
  const encoded = { pixels: null, remark: "" }; // what this view encoded last
  let pen = ""; // where the keyboard's pen is
  const say = (...sentences) => spoken.say([pen, ...sentences].filter(Boolean).join(" "));

  const paper = pad({
    label:
      "Sheet to draw a digit on, with mouse, pen or finger. With the keyboard: " +
      "arrow keys move the pen, with shift in larger steps; space puts it down and lifts it; " +
      "control and z takes the last stroke back.",
    onDraw: () => {
      const { strokes, image } = paper.sheet;
      const ink = paper.ink();
      encoded.remark = strokes.length ? remarkOn(ink) : "";
      setPixels(strokes.length ? asMnist(ink, INK_SIDE) : image);
    },
    onPen: (where) => {
      pen = where;
      showSoon();
    },
  });
  const setPixels = (pixels) => {
    const shown = pixels ?? BLANK;
    encoded.pixels = shown;
    enable(undo, paper.sheet.strokes.length > 0);
    change(model, { pixels: new DataView(shown.slice().buffer) });
  };
  const startWith = (image) => {
    encoded.remark = "";
    paper.replace(image);
    setPixels(image);
  };
  const undo = button("undo last stroke", paper.undo);
  const clear = button("clear", () => startWith(null));
  const again = button("draw z again", () => change(model, { seed: model.get("seed") + 1 }));

  let factor = 1;
  const map = plane({
    label: "Latent map of test images and, on it, q(z|x) of the drawing.",
    extent: model.get("extent"),
    axes: ["z₁", "z₂"],
    paintGround: (brush) => paintCloud(brush, data.means, data.labels),
    paint: (brush) => {
      const [mu, logVar] = [model.get("mu"), model.get("log_var")];
      if (mu && logVar) paintPosterior(brush, mu, sigmaOf(logVar));
    },
  });

  function encode() {
    const pixels = bytesOf(model.get("pixels"));
    if (!same(pixels, encoded.pixels)) {
      // set by Python or another view: it comes without strokes
      encoded.remark = "";
      encoded.pixels = pixels;
      enable(undo, false);
      paper.replace(same(pixels, BLANK) ? null : pixels);
    }
    change(model, same(pixels, BLANK) ? { mu: null, log_var: null } : data.encode(pixels));
  }

  function show() {
    const x = Float32Array.from(bytesOf(model.get("pixels")), (byte) => byte / 255);
    const [mu, logVar] = [model.get("mu"), model.get("log_var")];
    seen.draw(x, mu ? "The drawing, 28 by 28 pixels" : "An empty image");
    if (mu && logVar) showPosterior(x, mu, logVar);
    else showNothing();
    map.zoom(mu ? factor : 1, mu ?? [0, 0]);
  }

  function showNothing() {
    const nothing = new Float32Array(AREA);
    rebuilt.draw(nothing, "Nothing is rebuilt");
    for (let k = 0; k < DRAWS; k += 1) drawn.draw(nothing, "Nothing is rebuilt", k);
    numbers.set(Object.fromEntries(NUMBERS.map((name) => [name, "–"])));
    say("Nothing is drawn, so nothing is encoded. Draw a digit, or choose a test image.");
  }

  function showPosterior(x, mu, logVar) {
    const sigma = sigmaOf(logVar);
    const at = `μ = ${pairText(mu)}`;
    rebuilt.draw(probabilities(data.decoder.run(mu)), `Image decoded at ${at}`);
    const normal = normals(model.get("seed"));
    let loss = 0;
    for (let k = 0; k < DRAWS; k += 1) {
      const logits = data.decoder.run(mu.map((mean, d) => mean + sigma[d] * normal()));
      loss += reconstructionLoss(data.likelihood, x, logits) / DRAWS;
      drawn.draw(probabilities(logits), `${DRAWS} images decoded at draws from q(z|x)`, k);
    }
    const kl = gaussianKL(mu, logVar);
    const values = [pairText(mu), pairText(sigma), nats(kl), nats(loss), nats(loss + kl)];
    numbers.set(Object.fromEntries(NUMBERS.map((name, i) => [name, values[i]])));
    const beyond = data.isBeyond(mu) ? ", beyond the map: no test image is there" : "";
    say(`${at}${beyond}.`, encoded.remark);
  }

  const images = slider({
    label: "test image",
    min: 0,
    max: data.images.length - 1,
    step: 1,
    value: 0,
    format: (value) => String(value),
    onInput: (value) => startWith(data.images[value]),
  });
  images.node.style.flex = "1 1 12rem";
  // once the sheet is changed, the slider alone cannot bring back the image where it stands
  const put = button("put on the sheet", () => startWith(data.images[Number(images.input.value)]));
  const zoom = zoomSlider((value) => {
    factor = value;
    showSoon();
  });

  const showSoon = oncePerFrame(show);
  const children = [
    element(
      "div",
      {},
      paper.node,
      element("div", { className: "vae-buttons" }, clear, undo),
      element("div", { className: "vae-answer" }, seen.node, rebuilt.node), // in sight of the sheet
      element("div", { className: "vae-row" }, images.node, put),
      spoken.node,
    ),
    element("div", {}, map.node, zoom.node),
    element(
      "div",
      { className: "vae-wide" },
      element("div", { className: "vae-strip" }, drawn.node, again, numbers.node),
    ),
  ];
  const stop = mount(el, children, [
    ...[paper, map, seen, rebuilt, drawn, spoken, showSoon].map((part) => part.stop),
    onChange(model, ["pixels"], encode),
    onChange(model, ["pixels", "mu", "log_var", "seed"], showSoon),
  ]);
  encode();
  show();
  return stop;
}

function read(model) {
  const pixels = bytesOf(model.get("images"));
  const encoder = new Network(model.get("encoder"));
  const { left, right, bottom, top } = model.get("extent");
  return {
    means: pairsOf(fromFloat32(model.get("means"))),
    labels: bytesOf(model.get("labels")),
    images: Array.from({ length: pixels.length / AREA }, (_, i) =>
      pixels.slice(i * AREA, (i + 1) * AREA),
    ),
    decoder: new Network(model.get("decoder")),
    likelihood: { kind: model.get("likelihood"), sigma: model.get("sigma") },
    encode: (bytes) => {
      const [a, b, c, d] = encoder.run(Float32Array.from(bytes, (byte) => byte / 255));
      return { mu: [a, b], log_var: [c, d] };
    },
    isBeyond: ([x, y]) => x < left || x > right || y < bottom || y > top,
  };
}

/** What a reader should know of a drawing that is unlike a digit. */
function remarkOn(ink) {
  const box = inkBox(ink, INK_SIDE);
  if (!box) return "";
  const inked = ink.reduce((sum, byte) => sum + byte, 0) / 255;
  if (inked > 0.6 * INK_SIDE ** 2) {
    return "The drawing fills the sheet: no image in the training set looks like this.";
  }
  if (Math.max(box.width, box.height) < 2 * PEN_WIDTH * INK_SIDE) {
    return "So small a drawing is blown up to 20 pixels, as MNIST's digits were: draw larger.";
  }
  return "";
}

function paintPosterior(brush, mu, sigma) {
  const { context, place, ink, width, height, scale } = brush;
  const small = 2 * Math.max(...sigma) * scale < RING; // then a ring says where to look
  if (small) {
    const [x, y] = place(mu);
    const at = [clamp(x, RING, width - RING), clamp(y, RING, height - RING)];
    for (const [color, thickness] of [
      [ink.ground, 6],
      [ink.ink, 2.5],
    ]) {
      ring(context, color, thickness, at, RING);
    }
  }
  ellipses(brush, ink.ink, mu, sigma);
  dot(context, ink.ink, place(mu), small ? 1.5 : 3);
}

function sigmaOf(logVar) {
  return logVar.map((value) => Math.exp(value / 2));
}

function same(one, other) {
  return one.length === other?.length && one.every((byte, i) => byte === other[i]);
}

function pairText(pair) {
  return `(${pair.map((value) => text(value)).join(", ")})`;
}

function nats(number) {
  return `${text(number, 1)} nats`;
}

export default { render };
