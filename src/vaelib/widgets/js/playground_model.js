/**
 * The book's VAE, 784-H-2, with its gradients and Adam, in plain JavaScript.
 *
 * Everything here is a function, for a worker is made from their text (playground_engine.js).
 *
 * @typedef {{inputs: number, outputs: number, weight: Float32Array, bias: Float32Array}} Affine
 * @typedef {{numbers: Float32Array, layers: Affine[]}} Weights  `layers` are parts of `numbers`
 * @typedef {{likelihood: string, sigma: number, beta: number, fault: string}} Objective
 * @typedef {{hidden: number, memory: import("./playground_layers.js").Memory, weights: Weights,
 *   slopes: Weights, mean: Float32Array, square: Float32Array, steps: number}} Vae  `slopes` is the gradient, the next two are Adam's
 */

import { normals, uniforms } from "./network.js";
import { LAYERS, addSlopes, inputSlopes, linear, newMemory, relu } from "./playground_layers.js";

/** The four layers' inputs and outputs, in PyTorch's order: encoder.0, encoder.2, decoder.0, .2. */
export function layerSizes(hidden) {
  return [
    [784, hidden],
    [hidden, 4],
    [2, hidden],
    [hidden, 784],
  ];
}

/** How many weights there are. */
export function countWeights(hidden) {
  return layerSizes(hidden).reduce((sum, [inputs, outputs]) => sum + (inputs + 1) * outputs, 0);
}

/** @returns {Weights} zeros for all layers */
export function emptyWeights(hidden, memory) {
  const sizes = layerSizes(hidden);
  const numbers = memory.floats(countWeights(hidden));
  let start = 0;
  const take = (length) => numbers.subarray(start, (start += length));
  const layers = sizes.map(([inputs, outputs]) => ({
    inputs,
    outputs,
    weight: take(inputs * outputs),
    bias: take(outputs),
  }));
  return { numbers, layers };
}

/** A memory for a VAE and what it computes: an older VAE's, if it is large enough. */
export function memoryFor(hidden, old) {
  const images = 64; // at most, at once
  const size = 4 * (2 * countWeights(hidden) + images * (784 + 4 * hidden + 32) + 8192);
  if (!old || old.size < size) return newMemory(size);
  old.clear();
  return old;
}

/**
 * Weights as nn.Linear draws them: uniform within 1 / sqrt(inputs) of zero.
 * @param {any} old the memory of a VAE that is over: a browser grants a page few
 * @returns {Vae}
 */
export function newVae(hidden, seed, old = null) {
  const count = countWeights(hidden);
  const memory = memoryFor(hidden, old);
  const weights = emptyWeights(hidden, memory);
  const uniform = uniforms(seed);
  for (const { inputs, weight, bias } of weights.layers) {
    for (const numbers of [weight, bias]) {
      for (let i = 0; i < numbers.length; i += 1) {
        numbers[i] = (2 * uniform() - 1) / Math.sqrt(inputs);
      }
    }
  }
  const slopes = emptyWeights(hidden, memory);
  memory.keep();
  const [mean, square] = [new Float32Array(count), new Float32Array(count)];
  return { hidden, memory, weights, slopes, mean, square, steps: 0 };
}

/** A grey value of [0, 1] as the network gets it; two bugs change it. */
export function pixelOf(grey, fault) {
  if (fault === "inverted") return 1 - grey;
  if (fault === "normalised") return (grey - 0.1307) / 0.3081; // MNIST's mean and deviation
  return grey;
}

/** Whether a log-variance is so large that the code clamps it, to 10; with one bug it never is. */
export function isClamped(logVar, fault) {
  return logVar >= 10 && fault !== "unclamped";
}

/**
 * Images (count, 784) -> the hidden layer and [mu, log_var] of each, (count, 4). What was computed
 * from other images before is overwritten, there and by `decodedImages`.
 */
export function encode({ memory, weights: { layers } }, images, count, fault) {
  memory.free();
  const hidden = relu(linear(memory, layers[0], images, count));
  const codes = linear(memory, layers[1], hidden, count);
  for (let n = 0; n < codes.length; n += 1) {
    if ((n & 2) === 2 && isClamped(codes[n], fault)) codes[n] = 10;
  }
  return { hidden, codes };
}

/** z (count, 2) -> the hidden layer and the logits, (count, 784). */
export function decode({ memory, weights: { layers } }, z, count) {
  const hidden = relu(linear(memory, layers[2], z, count));
  return { hidden, logits: linear(memory, layers[3], hidden, count) };
}

/**
 * Minus log p(x|z) of one image in nats, where p's pixels are Bernoulli. `factor` times its gradient
 * takes the place of the image's logits.
 */
export function bernoulliLoss(logits, images, start, factor) {
  let [sum, product] = [0, 1]; // the logarithm of a product is one logarithm instead of 784
  for (let i = start; i < start + 784; i += 1) {
    const [logit, x] = [logits[i], images[i]];
    const small = Math.exp(-Math.abs(logit));
    sum += (logit > 0 ? logit : 0) - logit * x;
    product *= 1 + small; // at most 2 ** 784
    logits[i] = factor * ((logit > 0 ? 1 : small) / (1 + small) - x);
  }
  return sum + Math.log(product);
}

/** The same for Gaussian pixels around the sigmoid of the logits. */
export function gaussianLoss(logits, images, start, factor, sigma) {
  let squares = 0;
  for (let i = start; i < start + 784; i += 1) {
    const mean = 1 / (1 + Math.exp(-logits[i]));
    const error = (mean - images[i]) / sigma;
    squares += error * error;
    logits[i] = (factor * error * mean * (1 - mean)) / sigma;
  }
  return squares / 2 + 784 * (Math.log(sigma) + Math.log(2 * Math.PI) / 2);
}

/**
 * What the loss multiplies the reconstruction loss and the KL with, both means over a batch.
 * @param {Objective} objective @param {number} share one over the images of the batch
 */
export function lossFactors({ beta, fault }, share) {
  const pixels = fault === "pixel-mean" ? 1 / 784 : 1;
  if (fault === "kl-mean") return [pixels, beta / 784];
  if (fault === "kl-latents") return [pixels, beta / 2];
  if (fault === "kl-batch") return [pixels, beta / (64 * share)];
  if (fault === "kl-twice") return [pixels, 2 * beta];
  if (fault === "no-coefficient") return [pixels, 1];
  if (fault === "kl-sign") return [pixels, -beta];
  return [pixels, beta];
}

/** What multiplies the noise, sigma = exp(log_var / 2), and its derivative; or what a bug makes of it. */
export function spreadOf(logVar, fault) {
  if (fault === "log-var-as-sigma") return [logVar, 1];
  if (fault === "variance-as-sigma") return [Math.exp(logVar), Math.exp(logVar)];
  if (fault === "little-noise") return [Math.exp(logVar / 2) / 100, Math.exp(logVar / 2) / 200];
  return [Math.exp(logVar / 2), Math.exp(logVar / 2) / 2];
}

/** z = mu + sigma * noise for each of [mu, log_var], (count, 4) and (count, 2) -> (count, 2). */
export function reparameterize(codes, noise, count, fault) {
  return Float32Array.from({ length: 2 * count }, (_, n) => {
    const at = 4 * (n >> 1) + (n & 1);
    return codes[at] + spreadOf(codes[at + 2], fault)[0] * noise[n];
  });
}

/** KL(N(mu, exp(log_var)) || N(0, I)) in nats, summed over all of [mu, log_var], (count, 4). */
export function klOf(codes) {
  let sum = 0;
  for (let at = 0; at < codes.length; at += 4) {
    for (let d = at; d < at + 2; d += 1) {
      const variance = Math.fround(Math.exp(codes[d + 2])); // infinite where PyTorch's is, too
      sum += 0.5 * (codes[d] ** 2 + variance - codes[d + 2] - 1);
    }
  }
  return sum;
}

/** Minus log p(x|z), summed over images in nats; the logits become `factor` times its gradient. */
export function pixelLoss(logits, images, count, factor, { likelihood, sigma }) {
  let sum = 0;
  for (let start = 0; start < 784 * count; start += 784) {
    sum +=
      likelihood === "gaussian"
        ? gaussianLoss(logits, images, start, factor, sigma)
        : bernoulliLoss(logits, images, start, factor);
  }
  return sum;
}

/**
 * The reconstruction loss and the KL, summed over images, without gradient and without bug, and the
 * images' [mu, log_var].
 */
export function lossTerms(vae, images, noise, count, objective) {
  const { codes } = encode(vae, images, count, "");
  const { logits } = decode(vae, reparameterize(codes, noise, count, ""), count);
  return { terms: [pixelLoss(logits, images, count, 1, objective), klOf(codes)], codes };
}

/** The mean of p(x|z) at each z, (count, 2) -> (count, 784). */
export function decodedImages(vae, z, count) {
  vae.memory.free();
  return decode(vae, z, count).logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}

/**
 * Adds `share` times the gradient of the loss of some images to vae.slopes, and returns the
 * reconstruction loss and the KL, summed over them, as the code with its bug sees them.
 * @param {Vae} vae @param {Float32Array} images (count, 784) @param {Float32Array} noise (count, 2)
 * @param {number} count @param {number} share one over the images of the batch
 * @param {Objective} objective @returns {[number, number]}
 */
export function backward(vae, images, noise, count, share, objective) {
  const { fault } = objective;
  const { memory } = vae;
  const { layers } = vae.weights;
  const slopes = vae.slopes.layers;
  const [onPixels, onKl] = lossFactors(objective, share);
  const { hidden: seen, codes } = encode(vae, images, count, fault);
  const z = reparameterize(codes, noise, count, fault);
  const { hidden: told, logits } = decode(vae, z, count);
  const loss = pixelLoss(logits, images, count, share * onPixels, objective);

  addSlopes(memory, slopes[3], told, logits, count);
  const toldSlopes = inputSlopes(memory, layers[3], told, logits, count, true);
  addSlopes(memory, slopes[2], z, toldSlopes, count);
  const zSlopes = inputSlopes(memory, layers[2], z, toldSlopes, count, false);
  if (fault === "detached") zSlopes.fill(0);

  const codeSlopes = memory.floats(4 * count);
  for (let n = 0; n < 2 * count; n += 1) {
    const at = 4 * (n >> 1) + (n & 1);
    const [mu, logVar] = [codes[at], codes[at + 2]];
    codeSlopes[at] = share * onKl * mu + zSlopes[n];
    if (isClamped(logVar, fault)) continue; // what is clamped has no slope
    codeSlopes[at + 2] =
      share * onKl * 0.5 * (Math.exp(logVar) - 1) +
      zSlopes[n] * noise[n] * spreadOf(logVar, fault)[1];
  }
  addSlopes(memory, slopes[1], seen, codeSlopes, count);
  addSlopes(
    memory,
    slopes[0],
    images,
    inputSlopes(memory, layers[1], seen, codeSlopes, count, true),
    count,
  );
  return [loss, klOf(codes)];
}

/** One step of Adam as torch.optim.Adam makes it; the gradient is zero afterwards. */
export function adam(vae, rate) {
  const { weights, slopes, mean, square } = vae;
  const [beta1, beta2] = [0.9, 0.999];
  vae.steps += 1;
  const size = rate / (1 - beta1 ** vae.steps);
  const root = Math.sqrt(1 - beta2 ** vae.steps);
  for (let i = 0; i < mean.length; i += 1) {
    const slope = slopes.numbers[i];
    mean[i] += (1 - beta1) * (slope - mean[i]);
    square[i] = beta2 * square[i] + (1 - beta2) * slope * slope;
    weights.numbers[i] -= (size * mean[i]) / (Math.sqrt(square[i]) / root + 1e-8);
    slopes.numbers[i] = 0;
  }
}

/** The same numbers with each matrix the other way round: PyTorch has a row for each output. */
export function turned(hidden, numbers, toTorch) {
  const result = new Float32Array(numbers.length);
  let start = 0;
  for (const [inputs, outputs] of layerSizes(hidden)) {
    for (let i = 0; i < inputs; i += 1) {
      for (let j = 0; j < outputs; j += 1) {
        const [ours, theirs] = [start + i * outputs + j, start + j * inputs + i];
        result[toTorch ? theirs : ours] = numbers[toTorch ? ours : theirs];
      }
    }
    const bias = start + inputs * outputs;
    result.set(numbers.subarray(bias, bias + outputs), bias);
    start = bias + outputs;
  }
  return result;
}

/** All functions of this file and those that they call: a worker is made from their text. */
export const MATHEMATICS = [
  normals,
  uniforms,
  ...LAYERS,
  layerSizes,
  countWeights,
  emptyWeights,
  memoryFor,
  newVae,
  pixelOf,
  isClamped,
  encode,
  decode,
  bernoulliLoss,
  gaussianLoss,
  lossFactors,
  spreadOf,
  reparameterize,
  klOf,
  pixelLoss,
  lossTerms,
  decodedImages,
  backward,
  adam,
  turned,
];
