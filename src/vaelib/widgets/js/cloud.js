/** Points of a plane, coloured by label. */

import { PALETTE } from "./controls.js";
import { dot } from "./plane.js";

/** @param {ArrayLike<number>} numbers x and y in turn @returns {[number, number][]} */
export function pairsOf(numbers) {
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}

/** @param {DataView} view @returns {Uint8Array} its bytes */
export function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The images of a model's trait, one after the other, in [0, 1]. */
export function imagesOf(pixels, side) {
  const area = side * side;
  return Array.from({ length: pixels.length / area }, (_, i) =>
    pixels.subarray(i * area, (i + 1) * area),
  );
}

/**
 * The index of the point nearest to a place, and how far it is.
 * @param {number[][]} points @param {number[]} place
 */
export function nearestPoint(points, [x, y]) {
  let [index, least] = [-1, Infinity];
  for (let i = 0; i < points.length; i += 1) {
    const [right, up] = [points[i][0] - x, points[i][1] - y];
    const square = right * right + up * up;
    if (square < least) [index, least] = [i, square];
  }
  return { index, distance: Math.sqrt(least) };
}

/** All points, and each label at the middle of its own. */
export function paintCloud(brush, points, labels, alpha = 0.55) {
  brush.context.globalAlpha = alpha;
  points.forEach((point, i) =>
    dot(brush.context, PALETTE[labels[i] % 10], brush.place(point), 2.2),
  );
  brush.context.globalAlpha = 1;
  paintLabels(brush, points, labels);
}

function paintLabels({ context, place, ink }, points, labels) {
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const label of new Set(labels)) {
    const own = points.filter((_, i) => labels[i] === label);
    const middle = place([0, 1].map((d) => medianOf(own.map((point) => point[d]))));
    dot(context, PALETTE[label % 10], middle, 12);
    dot(context, ink.ground, middle, 9.5);
    context.fillStyle = ink.ink;
    context.fillText(String(label), ...middle);
  }
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
}

function medianOf(numbers) {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
