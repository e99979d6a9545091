/** What a playground shows of its networks: the latent map, and rows of images. */

import { paintCloud } from "./cloud.js";
import { change } from "./controls.js";
import { cursor, plane, ring } from "./plane.js";

const EXTENT = { left: -4, right: 4, bottom: -4, top: 4 };

/** How many times the map has to be smaller, a power of two, so that most points are on it. */
export function shrinkFor(means) {
  const far = means.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))).sort((a, b) => a - b);
  const reach = far[Math.floor(0.98 * (far.length - 1))] ?? 0;
  return 2 ** Math.min(Math.max(0, Math.ceil(Math.log2(reach / EXTENT.right))), 30);
}

/** Draws a row of images that lie one after the other. */
export function drawRow(strip, pixels, name) {
  for (let k = 0; k < pixels.length / 784; k += 1) {
    strip.draw(pixels.subarray(784 * k, 784 * (k + 1)), name, k);
  }
}

/** The map of the test digits with the prior's circles, and the point that is decoded. */
export function latentMap(model, cloud) {
  const map = plane({
    label: "Latent map of test digits. Arrow keys move the point z, with shift in larger steps.",
    extent: EXTENT,
    axes: ["z₁", "z₂"],
    value: () => model.get("z"),
    onMove: (z) => change(model, { z }),
    paint: (brush) => {
      const middle = brush.place([0, 0]);
      for (const times of [1, 2])
        ring(brush.context, brush.ink.muted, 1, middle, times * brush.scale);
      const { means, labels } = cloud();
      if (means && labels) paintCloud(brush, means, labels);
      cursor(brush, model.get("z"));
    },
  });
  let shrink = 1;
  const fit = (means) => {
    const wanted = shrinkFor(means);
    if (wanted !== shrink) map.zoom(1 / wanted, [0, 0]);
    shrink = wanted;
    map.draw();
  };
  return { ...map, fit };
}
