/** Points of a plane, coloured by label. */

import { PALETTE } from "./controls.js";
import { clamp, dot, line } from "./plane.js";

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

const RADIUS = 12; // of a label, in CSS pixels

/** Each label at the middle of its own points. */
export function paintLabels({ context, place, ink, width, height }, points, labels) {
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 2;
  const names = [...new Set(labels)];
  const homes = names.map((label) => {
    const own = points.filter((_, i) => labels[i] === label);
    return place([0, 1].map((d) => medianOf(own.map((point) => point[d]))));
  });
  const places = apart(homes, 2 * RADIUS + 2, [
    [RADIUS, RADIUS],
    [width - RADIUS, height - RADIUS],
  ]);
  names.forEach((label, i) => line(context, PALETTE[label % 10], homes[i], places[i]));
  names.forEach((label, i) => {
    dot(context, PALETTE[label % 10], places[i], RADIUS);
    dot(context, ink.ground, places[i], RADIUS - 2.5);
    context.fillStyle = ink.ink;
    context.fillText(String(label), ...places[i]);
  });
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
}

/**
 * Places moved as little as it takes until any two are a distance apart, or nearly. Each pair that
 * is too close moves apart along the line between the two, half the way each, again and again; none
 * leaves the box. `class_labels.py` does the same.
 * @param {number[][]} places @param {number} distance
 * @param {number[][]} box [[left, low], [right, high]]
 * @returns {[number, number][]}
 */
export function apart(places, distance, [low, high]) {
  /** @type {[number, number][]} */
  let found = places.map(([x, y]) => [x, y]);
  const part = (i, j) => {
    const step = [0, 1].map((d) => found[i][d] - found[j][d]);
    const length = Math.hypot(...step);
    if (length >= distance - 1e-6) return false;
    const push = (distance - length) / 2;
    // What lies on each other has a direction of its own for each pair.
    const way =
      length < 1e-6
        ? [Math.cos(i + 3 * j), Math.sin(i + 3 * j)]
        : step.map((each) => each / length);
    for (const d of [0, 1]) {
      found[i][d] += push * way[d];
      found[j][d] -= push * way[d];
    }
    return true;
  };
  for (let round = 0, moved = true; moved && round < 200; round += 1) {
    moved = false;
    for (let i = 0; i < found.length; i += 1) {
      for (let j = 0; j < i; j += 1) moved = part(i, j) || moved;
    }
    found = found.map(([x, y]) => [clamp(x, low[0], high[0]), clamp(y, low[1], high[1])]);
  }
  return found;
}

function medianOf(numbers) {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
