/**
 * A drawing as MNIST would hold it: fitted into a box of 20 by 20 pixels, then put where its centre
 * of mass is at the centre of 28 by 28. The sources are named in vaelib.widgets.DrawDigit.
 *
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 */

export const IMAGE_SIDE = 28;
const BOX_SIDE = 20;

/**
 * @param {ArrayLike<number>} ink a square of bytes, row by row: 0 is paper, 255 is ink
 * @param {number} side its side
 * @returns {Uint8Array | null} 28 by 28 bytes, or null where there is no ink
 */
export function asMnist(ink, side) {
  const box = inkBox(ink, side);
  if (!box) return null;
  const longer = Math.max(box.width, box.height);
  const columns = Math.max(1, Math.round((BOX_SIDE * box.width) / longer));
  const rows = Math.max(1, Math.round((BOX_SIDE * box.height) / longer));
  const small = averages(ink, side, box, columns, rows);
  const [x, y] = centreOfMass(small, columns);
  return placed(small, columns, start(x, columns), start(y, rows));
}

/** @returns {Box | null} the smallest box that holds all ink */
export function inkBox(ink, side) {
  let [left, right, top, bottom] = [side, -1, side, -1];
  for (let y = 0, at = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1, at += 1) {
      if (!ink[at]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** A box of the drawing in fewer pixels: each is the mean of what it covers. */
function averages(ink, side, box, columns, rows) {
  const across = covered(box.left, box.width, columns);
  const down = covered(box.top, box.height, rows);
  const result = new Float64Array(columns * rows);
  down.forEach((lines, row) =>
    across.forEach((places, column) => {
      let sum = 0;
      for (const [y, high] of lines) {
        for (const [x, wide] of places) sum += high * wide * ink[y * side + x];
      }
      result[row * columns + column] = sum;
    }),
  );
  return result;
}

/** For each of `count` equal parts of an interval: the pixels that it covers, and their shares. */
function covered(from, length, count) {
  const step = length / count;
  return Array.from({ length: count }, (_, part) => {
    const [low, high] = [from + part * step, from + (part + 1) * step];
    const pixels = [];
    for (let at = Math.floor(low); at < high && at < from + length; at += 1) {
      pixels.push([at, (Math.min(high, at + 1) - Math.max(low, at)) / step]);
    }
    return pixels;
  });
}

function centreOfMass(values, columns) {
  let [mass, x, y] = [0, 0, 0];
  values.forEach((value, i) => {
    mass += value;
    x += value * (i % columns);
    y += value * Math.floor(i / columns);
  });
  return [x / mass, y / mass];
}

/**
 * Where the box begins, so that its centre of mass comes to lie within half a pixel of pixel 14, as
 * in every image of MNIST; but never so that the box would be cut off.
 */
function start(centre, length) {
  const wanted = IMAGE_SIDE / 2 - Math.floor(centre + 0.5);
  return Math.min(Math.max(wanted, 0), IMAGE_SIDE - length);
}

function placed(values, columns, left, top) {
  const image = new Uint8Array(IMAGE_SIDE * IMAGE_SIDE);
  values.forEach((value, i) => {
    const row = top + Math.floor(i / columns);
    image[row * IMAGE_SIDE + left + (i % columns)] = Math.round(value);
  });
  return image;
}
