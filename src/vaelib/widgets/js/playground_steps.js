/**
 * What a playground does with its digits: a step of training, a test, and pictures. Like all that a
 * worker is made of, functions that use nothing else of their file (playground_engine.js).
 *
 * @typedef {{train: number, test: number, labels: Uint8Array, pixels: Uint8Array}} Digits
 */

import {
  adam,
  backward,
  decodedImages,
  encode,
  lossFactors,
  lossTerms,
  newVae,
  pixelOf,
  turned,
} from "./playground_model.js";
import { normals, uniforms } from "./network.js";

/**
 * The digits as they travel: two counts, the labels of the test digits, then two pixels a byte.
 * @param {ArrayBuffer} buffer @returns {Digits}
 */
export function readDigits(buffer) {
  const view = new DataView(buffer);
  const [train, test] = [view.getUint16(0, true), view.getUint16(2, true)];
  const labels = new Uint8Array(buffer, 4, test);
  return { train, test, labels, pixels: new Uint8Array(buffer, 4 + test) };
}

/**
 * Images by their numbers, (count, 784) in [0, 1] or what a bug makes of them; the test digits come
 * after those to train on.
 */
export function imagesAt({ pixels }, numbers, images, fault) {
  const levels = Float32Array.from({ length: 16 }, (_, level) => pixelOf(level / 15, fault));
  numbers.forEach((number, n) => {
    for (let i = 0; i < 392; i += 1) {
      const pair = pixels[392 * number + i];
      images[784 * n + 2 * i] = levels[pair & 15];
      images[784 * n + 2 * i + 1] = levels[pair >> 4];
    }
  });
  return images;
}

/**
 * A run at its start: new weights, and generators for the order of the digits and the noise.
 * @param {any} start @param {number} count of the digits @param {any} old the memory of the run before
 */
export function newRun({ seed, hidden, weights }, count, old = null) {
  const vae = newVae(hidden, seed, old);
  if (weights) vae.weights.numbers.set(turned(hidden, weights, false));
  const order = Uint16Array.from({ length: count }, (_, i) => i);
  const [uniform, normal] = [uniforms(seed + 1000), normals(seed + 2000)];
  return { vae, order, uniform, normal, at: 0, epoch: 0, losses: [], bad: 0 };
}

/** The same numbers in another order (Fisher and Yates). */
export function shuffle(numbers, uniform) {
  for (let i = numbers.length - 1; i > 0; i -= 1) {
    const j = Math.floor(uniform() * (i + 1));
    [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
  }
}

/** Noise for a batch, (count, 2); with one bug the same for all of its images. */
export function noiseOf(normal, count, fault) {
  const noise = Float32Array.from({ length: 2 * count }, () => normal());
  return fault === "one-noise" ? noise.map((_, n) => noise[n & 1]) : noise;
}

/**
 * Notes a step's loss as the code with its bug has it, and for how many steps it has been bad: further
 * above that of the first step, which it would have had with the same settings, than that one is from
 * zero and than a bit a pixel. A rate that is high but still learns has such losses, too, at first.
 */
export function noteLoss(run, terms, settings, share) {
  const [onPixels, onKl] = lossFactors(settings, share);
  const lossOf = ([pixels, kl]) => onPixels * pixels + onKl * kl;
  run.first ??= terms;
  if (run.settings !== settings) run.bad = 0; // it is to have time to find its way
  run.settings = settings;
  run.before = lossOf(run.first);
  const loss = lossOf(terms);
  const room = Math.max(Math.abs(run.before), onPixels * 784 * Math.LN2);
  run.bad = loss > run.before + room ? run.bad + 1 : 0;
  run.losses.push(Math.fround(loss)); // infinite where PyTorch's is, too
}

/** Whether the last loss is no number, or the losses have long been bad. */
export function hasDiverged({ losses, bad }) {
  return !Number.isFinite(losses.at(-1)) || bad >= 60; // at most 39 where it learns later
}

/** One step of training, a few images at a time; the last batch of an epoch may be smaller. */
export function* stepOf(run, digits, settings, few) {
  if (run.at === 0) shuffle(run.order, run.uniform);
  const { batch, rate } = settings;
  const numbers = run.order.slice(run.at, run.at + batch);
  const noise = noiseOf(run.normal, numbers.length, settings.fault);
  const share = 1 / numbers.length;
  const terms = [0, 0];
  const place = new Float32Array(784 * few);
  for (let from = 0; from < numbers.length; from += few) {
    const some = numbers.subarray(from, from + few);
    const images = imagesAt(digits, some, place, settings.fault);
    const own = noise.subarray(2 * from, 2 * (from + some.length));
    const found = backward(run.vae, images, own, some.length, share, settings);
    terms.forEach((_, i) => (terms[i] += found[i] * share));
    yield;
  }
  adam(run.vae, rate);
  noteLoss(run, terms, settings, share);
  run.at = (run.at + numbers.length) % digits.train;
  if (run.at === 0) run.epoch += 1;
  yield;
}

/** Both terms on the test digits in nats, with the same noise each time, and the digits' means. */
export function* testOf(run, digits, settings, few) {
  const normal = normals(1);
  const terms = [0, 0];
  const means = new Float32Array(2 * digits.test);
  const place = new Float32Array(784 * few);
  for (let from = 0; from < digits.test; from += few) {
    const count = Math.min(few, digits.test - from);
    const numbers = Array.from({ length: count }, (_, n) => digits.train + from + n);
    const images = imagesAt(digits, numbers, place, settings.fault);
    const noise = noiseOf(normal, count, "");
    const found = lossTerms(run.vae, images, noise, count, settings);
    terms.forEach((_, i) => (terms[i] += found.terms[i] / digits.test));
    for (let n = 0; n < count; n += 1) {
      means.set(found.codes.subarray(4 * n, 4 * n + 2), 2 * (from + n));
    }
    yield;
  }
  return { terms, means };
}

/** What the decoder makes of the means of some images, and of draws from the prior. */
export function picturesOf({ vae }, examples, { fault }) {
  const count = examples.length / 784;
  const images = examples.map((grey) => pixelOf(grey, fault));
  const { codes } = encode(vae, images, count, "");
  const means = Float32Array.from({ length: 2 * count }, (_, n) => codes[4 * (n >> 1) + (n & 1)]);
  const draws = noiseOf(normals(3), count, "");
  return [decodedImages(vae, means, count), decodedImages(vae, draws, count)];
}

/** All functions of this file: a worker is made from their text. */
export const TRAINING = [
  readDigits,
  imagesAt,
  newRun,
  shuffle,
  noiseOf,
  noteLoss,
  hasDiverged,
  stepOf,
  testOf,
  picturesOf,
];
