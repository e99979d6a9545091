/**
 * The decoder (or encoder) of a VAE in the browser: a chain of linear layers and activations.
 *
 * @typedef {{inputs: number, outputs: number, activation: string | null}} Layer
 * @typedef {{layers: Layer[], data: DataView}} PackedNetwork  float16, little-endian
 */

export const ACTIVATIONS = {
  relu: (x) => (x > 0 ? x : 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

/**
 * @param {DataView} view little-endian float16
 * @returns {Float32Array} the same numbers, exactly
 */
export function fromFloat16(view) {
  const values = new Float32Array(view.byteLength / 2);
  for (let i = 0; i < values.length; i += 1) {
    const bits = view.getUint16(2 * i, true);
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    values[i] = exponent
      ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
      : sign * 2 ** -24 * fraction; // zero and the numbers below 2^-14
  }
  return values;
}

/** @param {DataView} view little-endian float32 @returns {Float32Array} */
export function fromFloat32(view) {
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** @param {DataView} view one byte for each pixel, 0 to 255 @returns {Float32Array} in [0, 1] */
export function fromBytes(view) {
  return Float32Array.from({ length: view.byteLength }, (_, i) => view.getUint8(i) / 255);
}

/** Runs a packed network one input at a time. */
export class Network {
  /** @param {PackedNetwork} packed */
  constructor({ layers, data }) {
    const numbers = fromFloat16(data);
    let start = 0;
    const take = (count) => numbers.subarray(start, (start += count));
    this.layers = layers.map((layer) => ({
      ...layer,
      weight: take(layer.inputs * layer.outputs),
      bias: take(layer.outputs),
    }));
  }

  /**
   * @param {ArrayLike<number>} input
   * @returns {Float32Array} what the last layer gives
   */
  run(input) {
    return this.trace(input)[this.layers.length - 1];
  }

  /**
   * @param {ArrayLike<number>} input
   * @returns {Float32Array[]} what each layer gives
   */
  trace(input) {
    let values = input;
    return this.layers.map((layer) => (values = applyLayer(layer, values)));
  }
}

function applyLayer({ inputs, outputs, activation, weight, bias }, values) {
  const result = new Float32Array(outputs);
  for (let row = 0, at = 0; row < outputs; row += 1) {
    let sum = bias[row];
    for (let column = 0; column < inputs; column += 1, at += 1) {
      sum += weight[at] * values[column];
    }
    result[row] = sum;
  }
  return activation ? result.map(ACTIVATIONS[activation]) : result;
}

/** @param {Float32Array} logits @returns {Float32Array} the mean of p(x|z), pixel by pixel */
export function probabilities(logits) {
  return logits.map(ACTIVATIONS.sigmoid);
}

/** -log p(x|z) of a pixel in nats, by Python's names. */
const LOSSES = {
  bernoulli: (x, logit) => Math.max(logit, 0) - logit * x + Math.log1p(Math.exp(-Math.abs(logit))),
  gaussian: (x, logit, sigma) => {
    const error = (x - ACTIVATIONS.sigmoid(logit)) / sigma;
    return 0.5 * (error * error + Math.log(2 * Math.PI)) + Math.log(sigma);
  },
};

/**
 * Minus log p(x|z) in nats, summed over the pixels.
 * @param {{kind: string, sigma: number}} likelihood a name of LOSSES
 * @param {Float32Array} image in [0, 1]
 * @param {Float32Array} logits
 */
export function reconstructionLoss({ kind, sigma }, image, logits) {
  const loss = LOSSES[kind];
  return image.reduce((sum, x, i) => sum + loss(x, logits[i], sigma), 0);
}

/** KL(N(mu, exp(logVar)) || N(0, I)) in nats, summed over the latent's coordinates. */
export function gaussianKL(mu, logVar) {
  let kl = 0;
  for (let d = 0; d < mu.length; d += 1) {
    kl += 0.5 * (mu[d] * mu[d] + Math.exp(logVar[d]) - logVar[d] - 1);
  }
  return kl;
}

/** Uniform numbers in [0, 1) that are the same on every page: Marsaglia's xorshift, 32 bits. */
export function uniforms(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** Draws from N(0, 1) that are the same on every page, by Box and Muller's method. */
export function normals(seed) {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
