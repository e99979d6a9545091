/**
 * What is known of one datum in a latent plane: log p(x), p(z|x), and the ELBO and the gap of any q.
 *
 * @typedef {[number, number]} Pair
 * @typedef {{mu: Pair, sigma: Pair}} Gaussian
 * @typedef {{logP: number, elbo: number, gap: number}} Terms  nats, each computed by itself
 * @typedef {{terms: (q: Gaussian) => Terms, logDensity: (z: Pair) => number}} Known
 *   the density but for a constant
 */

import { PALETTE, contextOf, element } from "./controls.js";
import { ACTIVATIONS, gaussianKL, reconstructionLoss } from "./network.js";
import { rgb } from "./page.js";

const GRID = 15.5; // units from the middle of the grid to its edge
const CELLS = 72; // of the grid along each axis
const BATCH = 8; // places that go through the network together, a divisor of CELLS
const LOG_2_PI = Math.log(2 * Math.PI);

/** @param {number[]} one @param {number[]} other */
const dot2 = ([a, b], [c, d]) => a * c + b * d;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/**
 * A datum of the linear-Gaussian model, in closed form.
 * @returns {Known}
 */
export function linearKnown({ weights, bias, noise, x }) {
  const variance = noise ** 2;
  const off = x.map((value, i) => value - bias[i]); // x - b
  const columns = [0, 1].map((d) => weights.map((row) => row[d]));
  const inner = (a, b) => sum(a.map((value, i) => value * b[i]));
  const m = columns.map((a, i) => columns.map((b, j) => inner(a, b) + (i === j ? variance : 0)));
  const determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  const back = columns.map((column) => inner(column, off)); // W^T (x - b)
  const nu = [
    (m[1][1] * back[0] - m[0][1] * back[1]) / determinant,
    (m[0][0] * back[1] - m[1][0] * back[0]) / determinant,
  ];
  const distance = (z) => {
    const far = [z[0] - nu[0], z[1] - nu[1]];
    return dot2(far, [dot2(m[0], far), dot2(m[1], far)]) / variance;
  };
  const squares = (inner(off, off) - dot2(nu, back)) / variance;
  const spread = (x.length - 2) * Math.log(variance) + Math.log(determinant); // log det
  const logP = -0.5 * (squares + spread + x.length * LOG_2_PI);

  /** @param {Gaussian} q */
  const terms = ({ mu, sigma }) => {
    const errors = off.map((value, i) => value - dot2(weights[i], mu));
    const blur = sum(columns.map((column, d) => inner(column, column) * sigma[d] ** 2));
    const constant = x.length * (LOG_2_PI + Math.log(variance));
    const reconstruction = -0.5 * ((inner(errors, errors) + blur) / variance + constant);
    const widths = sigma.map((each, d) => {
      const ratio = each ** 2 / variance;
      return m[d][d] * ratio - Math.log(ratio) - 1;
    });
    const gap = 0.5 * (distance(mu) + sum(widths) - Math.log(determinant));
    return { logP, elbo: reconstruction - gaussianKL(mu, logVariances(sigma)), gap };
  };
  return { terms, logDensity: (z) => -0.5 * distance(z) };
}

const logVariances = (sigma) => sigma.map((each) => 2 * Math.log(each));

/** The middles of the cells, from the middle of the grid. */
function axisOf(unit) {
  const step = (2 * GRID * unit) / CELLS;
  return Array.from({ length: CELLS }, (_, i) => (i + 0.5) * step - GRID * unit);
}

/**
 * What an image is: log p(x|z) over a grid, a few cells at a time.
 * @param {{centre: Pair, unit: number}} window
 * @param {{decoder: any, likelihood: {kind: string, sigma: number}, image: Float32Array}} of
 * @returns {Generator<number, Known>} yields the share that is done
 */
export function* imageKnown({ centre, unit }, { decoder, likelihood, image }) {
  const axis = axisOf(unit);
  const values = new Float64Array(CELLS * CELLS); // log p(x|z), the second coordinate in rows
  for (let at = 0; at < values.length; at += BATCH) {
    const first = centre[0] + axis[Math.floor(at / CELLS)];
    const places = axis.slice(at % CELLS, (at % CELLS) + BATCH);
    const all = runBatch(
      decoder.layers,
      places.map((second) => [first, centre[1] + second]),
    );
    all.forEach((logits, k) => (values[at + k] = -reconstructionLoss(likelihood, image, logits)));
    yield at / values.length;
  }
  return onGrid(values, axis, centre);
}

/**
 * What the network gives for a batch: each weight is read once for all of it.
 * @param {any[]} layers @param {number[][]} inputs @returns {Float32Array[]}
 */
function runBatch(layers, inputs) {
  let values = Float32Array.from({ length: BATCH * inputs[0].length }, (_, at) => {
    return inputs[at % BATCH][Math.floor(at / BATCH)];
  });
  for (const layer of layers) values = batchThrough(layer, values);
  return inputs.map((_, k) =>
    Float32Array.from({ length: values.length / BATCH }, (__, row) => values[row * BATCH + k]),
  );
}

/** One layer of eight inputs, whose numbers stand beside each other. */
function batchThrough({ inputs, outputs, activation, weight, bias }, values) {
  const result = new Float32Array(BATCH * outputs);
  const width = BATCH * inputs;
  for (let row = 0, at = 0; row < outputs; row += 1) {
    let [a, b, c, d] = [bias[row], bias[row], bias[row], bias[row]];
    let [e, f, g, h] = [a, b, c, d];
    for (let column = 0; column < width; column += BATCH, at += 1) {
      const w = weight[at];
      a += w * values[column];
      b += w * values[column + 1];
      c += w * values[column + 2];
      d += w * values[column + 3];
      e += w * values[column + 4];
      f += w * values[column + 5];
      g += w * values[column + 6];
      h += w * values[column + 7];
    }
    result.set([a, b, c, d, e, f, g, h], BATCH * row);
  }
  return activation ? result.map(ACTIVATIONS[activation]) : result;
}

/** @returns {Known} */
function onGrid(values, axis, centre) {
  const step = axis[1] - axis[0];
  const logPrior = (z) => -0.5 * dot2(z, z) - LOG_2_PI;
  const joint = values.map((value, at) => {
    const place = [Math.floor(at / CELLS), at % CELLS].map((i, d) => centre[d] + axis[i]);
    return value + logPrior(place);
  });
  const top = joint.reduce((high, value) => Math.max(high, value));
  const total = joint.reduce((all, value) => all + Math.exp(value - top), 0);
  const logP = top + Math.log(total) + 2 * Math.log(step);

  /** @param {Gaussian} q */
  const terms = ({ mu, sigma }) => {
    const [first, second] = [0, 1].map((d) => shares(axis, mu[d] - centre[d], sigma[d]));
    let [likelihood, both] = [0, 0];
    for (let at = 0; at < values.length; at += 1) {
      const share = first[Math.floor(at / CELLS)] * second[at % CELLS];
      likelihood += share * values[at];
      both += share * joint[at];
    }
    const logVar = logVariances(sigma);
    const entropy = sum(logVar.map((each) => 0.5 * (each + LOG_2_PI + 1)));
    return { logP, elbo: likelihood - gaussianKL(mu, logVar), gap: logP - both - entropy };
  };
  const column = (i) => clamped(i) * CELLS;
  const logDensity = ([x, y]) => {
    const [i, right] = cellOf((x - centre[0] - axis[0]) / step);
    const [j, up] = cellOf((y - centre[1] - axis[0]) / step);
    const along = [-1, 0, 1, 2].map((k) =>
      cubic(
        [-1, 0, 1, 2].map((l) => joint[column(i + k) + clamped(j + l)]),
        up,
      ),
    );
    return cubic(along, right) - top;
  };
  return { terms, logDensity };
}

/** q in the cells of one axis. */
function shares(axis, mean, sigma) {
  const weights = axis.map((at) => Math.exp(-0.5 * ((at - mean) / sigma) ** 2));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

const clamped = (i) => Math.min(Math.max(i, 0), CELLS - 1);
const cellOf = (place) => [Math.floor(place), place - Math.floor(place)];

/**
 * Between the middle two of four numbers, on a curve that is exact for parabolas.
 * @param {number[]} four @param {number} t
 */
function cubic([a, b, c, d], t) {
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

const BANDS = [-4.5, -2, -0.5]; // below the top of the log-density: three, two and one deviations
const SIDE = 240; // pixels of the picture of the bands

/**
 * A picture of a posterior in bands, from the middle of a window so many units to each side.
 * @param {Known} known @param {{centre: Pair, unit: number}} window @param {number} view
 */
export function bandsOf({ logDensity }, { centre, unit }, view) {
  const along = (pixel) => ((2 * (pixel + 0.5)) / SIDE - 1) * view * unit;
  const heights = Float64Array.from({ length: SIDE * SIDE }, (_, at) =>
    logDensity([centre[0] + along(at % SIDE), centre[1] - along(Math.floor(at / SIDE))]),
  );
  const highest = heights.reduce((high, height) => Math.max(high, height));
  const context = contextOf(element("canvas", { width: SIDE, height: SIDE }));
  const image = context.createImageData(SIDE, SIDE);
  heights.forEach((height, at) => {
    const count = BANDS.filter((band) => height - highest > band).length;
    image.data.set([...rgb(PALETTE[0]), 255 * (1 - 0.7 ** count)], 4 * at);
  });
  context.putImageData(image, 0, 0);
  return context.canvas;
}
