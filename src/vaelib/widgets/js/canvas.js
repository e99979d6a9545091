/** Canvases: one to draw on in CSS pixels, and one whose pixels are those of an image. */

import { contextOf, element } from "./controls.js";
import { colors, onPageChange, oncePerFrame, rgb } from "./page.js";

/**
 * A canvas that keeps its shape and is sharp on every screen.
 * @param {{label: string, aspect?: number, className?: string}} options aspect: width / height
 * @returns {{node: HTMLCanvasElement, begin: () => {context: CanvasRenderingContext2D,
 *   width: number, height: number}}} `begin` clears it; width and height are in CSS pixels
 */
export function canvas({ label, aspect = 1, className = "" }) {
  const node = element("canvas", {
    className: `vae-canvas ${className}`,
    role: "img",
    "aria-label": label,
  });
  node.style.aspectRatio = String(aspect);
  const begin = () => {
    const ratio = window.devicePixelRatio || 1;
    const width = node.clientWidth;
    const height = node.clientHeight;
    const wanted = [Math.round(width * ratio), Math.round(height * ratio)];
    if (node.width !== wanted[0] || node.height !== wanted[1]) [node.width, node.height] = wanted;
    const context = contextOf(node);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
  };
  return { node, begin };
}

/**
 * An image, or a row of them: a grey one in the page's colours, ink on the ground, dark or light; one
 * in colour as it is.
 * @param {{label: string, width: number, height?: number, channels?: number, caption: string,
 *   columns?: number}} options width and height in pixels; channels: 1, or 3 for red, green and blue
 */
export function picture({ label, width, height = width, channels = 1, caption, columns = 1 }) {
  const node = element("canvas", { className: "vae-picture", role: "img", "aria-label": label });
  [node.width, node.height] = [columns * width, height];
  const figure = element("div", { className: "vae-labelled" }, node, element("span", {}, caption));
  const context = contextOf(node);
  const image = context.createImageData(width, height);
  const shown = new Map(); // the pixels of each column
  const paint = (pixels, column) => {
    const { ground, ink } = colors(node);
    if (!ground) return; // not on the page yet: it is painted when it comes there
    const ends =
      channels === 3
        ? [
            [0, 0, 0],
            [255, 255, 255],
          ]
        : [rgb(ground), rgb(ink)];
    for (let i = 0; i < width * height; i += 1) {
      for (let c = 0; c < 3; c += 1) {
        const share = Math.min(Math.max(pixels[channels === 3 ? 3 * i + c : i], 0), 1);
        image.data[4 * i + c] = ends[0][c] + share * (ends[1][c] - ends[0][c]);
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, column * width, 0);
  };
  const paintAgain = oncePerFrame(() => shown.forEach(paint));
  /**
   * @param {ArrayLike<number>} pixels in [0, 1], row by row
   * @param {string} [text] what the picture shows now
   * @param {number} [column] which image of the row they are
   */
  const draw = (pixels, text, column = 0) => {
    shown.set(column, pixels);
    paint(pixels, column);
    if (text) node.setAttribute("aria-label", text);
  };
  const stopWatching = onPageChange(node, paintAgain);
  const stop = () => {
    stopWatching();
    paintAgain.stop();
  };
  return { node: figure, canvas: node, draw, stop };
}
