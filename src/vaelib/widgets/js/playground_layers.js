/**
 * Linear layers for batches, forward and backward.
 *
 * A layer's matrix has a row for each input, so that an input which is zero (a blank pixel, a unit
 * that ReLU has silenced) skips a whole row; the others are taken four at a time.
 *
 * @typedef {{inputs: number, outputs: number, weight: Float32Array, bias: Float32Array}} Layer
 */

/** target[at + j] += the sum over n of factors[n] * rows[starts[n] + j], four rows at a time. */
export function addRows(target, at, width, rows, starts, factors, count) {
  while (count % 4) {
    starts[count] = starts[0];
    factors[count] = 0;
    count += 1;
  }
  for (let n = 0; n < count; n += 4) {
    const [s0, s1, s2, s3] = [starts[n], starts[n + 1], starts[n + 2], starts[n + 3]];
    const [f0, f1, f2, f3] = [factors[n], factors[n + 1], factors[n + 2], factors[n + 3]];
    for (let j = 0; j < width; j += 1) {
      target[at + j] +=
        f0 * rows[s0 + j] + f1 * rows[s1 + j] + f2 * rows[s2 + j] + f3 * rows[s3 + j];
    }
  }
}

/** target[at + units[n]] = the product of values from `from` with row units[n] of `rows`. */
export function dotRows(target, at, width, values, from, rows, units, count) {
  while (count % 4) {
    units[count] = units[0];
    count += 1;
  }
  for (let n = 0; n < count; n += 4) {
    const [u0, u1, u2, u3] = [units[n], units[n + 1], units[n + 2], units[n + 3]];
    const [s0, s1, s2, s3] = [u0 * width, u1 * width, u2 * width, u3 * width];
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let j = 0; j < width; j += 1) {
      const value = values[from + j];
      a += value * rows[s0 + j];
      b += value * rows[s1 + j];
      c += value * rows[s2 + j];
      d += value * rows[s3 + j];
    }
    target[at + u0] = a;
    target[at + u1] = b;
    target[at + u2] = c;
    target[at + u3] = d;
  }
}

/** A linear layer: (count, inputs) -> (count, outputs). */
export function linear({ inputs, outputs, weight, bias }, values, count) {
  const result = new Float32Array(count * outputs);
  const starts = new Int32Array(inputs + 3);
  const factors = new Float64Array(inputs + 3);
  for (let row = 0; row < count; row += 1) {
    let found = 0;
    for (let i = 0; i < inputs; i += 1) {
      const value = values[row * inputs + i];
      if (value === 0) continue;
      starts[found] = i * outputs;
      factors[found] = value;
      found += 1;
    }
    result.set(bias, row * outputs);
    addRows(result, row * outputs, outputs, weight, starts, factors, found);
  }
  return result;
}

/** Adds a linear layer's gradient to `slope`, from that of its outputs, (count, outputs). */
export function addSlopes(slope, values, outputSlopes, count) {
  const { inputs, outputs, weight, bias } = slope;
  const starts = new Int32Array(count + 3);
  const factors = new Float64Array(count + 3);
  for (let i = 0; i < inputs; i += 1) {
    let found = 0;
    for (let row = 0; row < count; row += 1) {
      const value = values[row * inputs + i];
      if (value === 0) continue;
      starts[found] = row * outputs;
      factors[found] = value;
      found += 1;
    }
    addRows(weight, i * outputs, outputs, outputSlopes, starts, factors, found);
  }
  const each = Int32Array.from({ length: count + 3 }, (_, row) => row * outputs);
  addRows(bias, 0, outputs, outputSlopes, each, new Float64Array(count + 3).fill(1), count);
}

/**
 * The gradient of a linear layer's inputs, (count, inputs), from that of its outputs. Behind a ReLU
 * it is zero where the input is.
 */
export function inputSlopes({ inputs, outputs, weight }, values, outputSlopes, count, behindRelu) {
  const result = new Float32Array(count * inputs);
  const units = new Int32Array(inputs + 3);
  for (let row = 0; row < count; row += 1) {
    let found = 0;
    for (let i = 0; i < inputs; i += 1) {
      if (behindRelu && values[row * inputs + i] === 0) continue;
      units[found] = i;
      found += 1;
    }
    dotRows(result, row * inputs, outputs, outputSlopes, row * outputs, weight, units, found);
  }
  return result;
}

/** Puts zeros in the place of what is below zero. */
export function relu(values) {
  for (let i = 0; i < values.length; i += 1) if (values[i] < 0) values[i] = 0;
  return values;
}

/** All functions of this file: a worker is made from their text. */
export const LAYERS = [addRows, dotRows, linear, addSlopes, inputSlopes, relu];
