/**
 * Linear layers for batches, forward and backward.
 *
 * A layer's matrix has a row for each input, so that an input which is zero (a blank pixel, a unit
 * that ReLU has silenced) skips a whole row; the others are taken some at a time.
 *
 * @typedef {{inputs: number, outputs: number, weight: Float32Array, bias: Float32Array}} Layer
 * @typedef {ReturnType<typeof newMemory>} Memory
 */

import { KERNELS, newKernels } from "./playground_kernels.js";

/**
 * All that a VAE computes with: its weights, and above them what a batch needs, in the place of what
 * the last one needed. So nothing is allocated while it trains, and the loops in WebAssembly, which
 * read a memory of their own, find it all there.
 * @param {number} size in bytes
 */
export function newMemory(size) {
  const kernels = newKernels(size);
  const buffer = kernels ? kernels.buffer : new ArrayBuffer(size);
  let [used, kept] = [0, 0];
  const place = (count) => {
    const start = used;
    used += 16 * Math.ceil(count / 4);
    return start;
  };
  const floats = (count) => new Float32Array(buffer, place(count), count).fill(0);
  const ints = (count) => new Int32Array(buffer, place(count), count);
  const [rows, factors] = [ints(1024), floats(1024)]; // of one sum
  const first = used;
  return {
    size,
    kernels,
    rows,
    factors,
    floats,
    /** What has been taken so far stays. */
    keep: () => (kept = used),
    /** What has been taken since is free. */
    free: () => (used = kept),
    /** All is free: another VAE begins. */
    clear: () => (used = kept = first),
  };
}

/**
 * target[at + j] += the sum over n < count of factors[n] * matrix[rows[n] * width + j], where rows and
 * factors are the memory's; eight rows at a time, which rounds the sum once.
 */
export function addRows({ kernels, rows, factors }, target, at, width, matrix, count) {
  while (count % 8) {
    rows[count] = rows[0];
    factors[count] = 0;
    count += 1;
  }
  if (kernels && count) {
    const [to, from] = [target.byteOffset + 4 * at, matrix.byteOffset];
    return kernels.addRows(to, 4 * width, from, rows.byteOffset, factors.byteOffset, count);
  }
  for (let n = 0; n < count; n += 8) {
    const [r0, r1, r2, r3, r4, r5, r6, r7] = rows.subarray(n, n + 8).map((row) => row * width);
    const [f0, f1, f2, f3, f4, f5, f6, f7] = factors.subarray(n, n + 8);
    for (let j = 0; j < width; j += 1) {
      const low =
        f0 * matrix[r0 + j] + f1 * matrix[r1 + j] + f2 * matrix[r2 + j] + f3 * matrix[r3 + j];
      const high =
        f4 * matrix[r4 + j] + f5 * matrix[r5 + j] + f6 * matrix[r6 + j] + f7 * matrix[r7 + j];
      target[at + j] += low + high;
    }
  }
}

/** target[at + r] = the product of values from `from` with row r of `matrix`, for the memory's rows. */
export function dotRows({ kernels, rows }, target, at, width, values, from, matrix, count) {
  while (count % 4) {
    rows[count] = rows[0];
    count += 1;
  }
  if (kernels && count) {
    const [to, left] = [target.byteOffset + 4 * at, values.byteOffset + 4 * from];
    return kernels.dotRows(to, 4 * width, left, matrix.byteOffset, rows.byteOffset, count);
  }
  for (let n = 0; n < count; n += 4) {
    const [r0, r1, r2, r3] = [rows[n], rows[n + 1], rows[n + 2], rows[n + 3]];
    const [s0, s1, s2, s3] = [r0 * width, r1 * width, r2 * width, r3 * width];
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let j = 0; j < width; j += 1) {
      const value = values[from + j];
      a += value * matrix[s0 + j];
      b += value * matrix[s1 + j];
      c += value * matrix[s2 + j];
      d += value * matrix[s3 + j];
    }
    target[at + r0] = a;
    target[at + r1] = b;
    target[at + r2] = c;
    target[at + r3] = d;
  }
}

/** Notes rows and factors of a sum, those that are not zero; returns how many. */
export function noteRows({ rows, factors }, values, start, step, count) {
  let found = 0;
  for (let n = 0; n < count; n += 1) {
    const value = values[start + n * step];
    if (value === 0) continue;
    rows[found] = n;
    factors[found] = value;
    found += 1;
  }
  return found;
}

/** A linear layer: (count, inputs) -> (count, outputs). */
export function linear(memory, { inputs, outputs, weight, bias }, values, count) {
  const result = memory.floats(count * outputs);
  for (let row = 0; row < count; row += 1) {
    const found = noteRows(memory, values, row * inputs, 1, inputs);
    result.set(bias, row * outputs);
    addRows(memory, result, row * outputs, outputs, weight, found);
  }
  return result;
}

/** Adds a linear layer's gradient to `slope`, from that of its outputs, (count, outputs). */
export function addSlopes(memory, slope, values, outputSlopes, count) {
  const { inputs, outputs, weight, bias } = slope;
  for (let i = 0; i < inputs; i += 1) {
    const found = noteRows(memory, values, i, inputs, count);
    addRows(memory, weight, i * outputs, outputs, outputSlopes, found);
  }
  noteRows(memory, [1], 0, 0, count);
  addRows(memory, bias, 0, outputs, outputSlopes, count);
}

/**
 * The gradient of a linear layer's inputs, (count, inputs), from that of its outputs. Behind a ReLU
 * it is zero where the input is.
 */
export function inputSlopes(
  memory,
  { inputs, outputs, weight },
  values,
  slopes,
  count,
  behindRelu,
) {
  const result = memory.floats(count * inputs);
  const { rows } = memory;
  for (let row = 0; row < count; row += 1) {
    let found = 0;
    for (let i = 0; i < inputs; i += 1) {
      if (behindRelu && values[row * inputs + i] === 0) continue;
      rows[found] = i;
      found += 1;
    }
    dotRows(memory, result, row * inputs, outputs, slopes, row * outputs, weight, found);
  }
  return result;
}

/** Puts zeros in the place of what is below zero. */
export function relu(values) {
  for (let i = 0; i < values.length; i += 1) if (values[i] < 0) values[i] = 0;
  return values;
}

/** All functions of this file, and those that they call: a worker is made from their text. */
export const LAYERS = [
  ...KERNELS,
  newMemory,
  addRows,
  dotRows,
  noteRows,
  linear,
  addSlopes,
  inputSlopes,
  relu,
];
