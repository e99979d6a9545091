/**
 * A sheet on which mouse, pen, finger or keyboard draw strokes, over an image or over nothing.
 *
 * @typedef {[number, number]} Spot a place on the sheet: 0 to 1 from the left and from the top
 */

import { canvas } from "./canvas.js";
import { contextOf, element } from "./controls.js";
import { IMAGE_SIDE } from "./mnist_image.js";
import { colors, onPageChange, oncePerFrame, rgb } from "./page.js";
import { ARROWS, clamp, dot, ring } from "./plane.js";
import { followPointer } from "./pointer.js";

export const INK_SIDE = 10 * IMAGE_SIDE; // a pixel of an image is ten by ten of the sheet
export const PEN_WIDTH = 24 / INK_SIDE; // about MNIST's stroke, when a digit fills the sheet
const STEP = 0.02; // of an arrow key

/**
 * @param {{label: string, onDraw: () => void, onPen: (text: string) => void}} options
 *   `onPen` is told where the keyboard's pen is, or nothing once it is put away
 */
export function pad({ label, onDraw, onPen }) {
  const { node, begin } = canvas({ label, className: "vae-plane vae-pad" });
  node.tabIndex = 0;
  node.setAttribute("role", "application");
  node.setAttribute("aria-roledescription", "sheet to draw on");
  /** @type {{strokes: Spot[][], image: Uint8Array | null}} the image is below the strokes */
  const sheet = { strokes: [], image: null };
  const pen = { spot: [0.5, 0.25], down: false, shown: false }; // the keyboard's

  const paint = () => {
    const { context, width } = begin();
    if (!width) return;
    const { ink, accent } = colors(node);
    context.save();
    context.scale(width / INK_SIDE, width / INK_SIDE);
    paintSheet(context, sheet, ink);
    context.restore();
    if (pen.shown) paintPen(context, pen, width, accent);
  };
  const draw = oncePerFrame(paint);
  const drawn = oncePerFrame(() => {
    paint();
    onDraw();
  });
  const begun = (spot) => {
    sheet.strokes.push([spot]);
    drawn();
  };
  const continued = (spots) => {
    sheet.strokes[sheet.strokes.length - 1].push(...spots);
    drawn();
  };
  const hidePen = () => {
    pen.shown = pen.down = false;
    draw();
    onPen("");
  };
  const onSheet = ([x, y]) => [x / node.clientWidth, y / node.clientHeight];
  const endStroke = followPointer(node, {
    onPress: (spot) => {
      hidePen();
      begun(onSheet(spot));
    },
    onMove: (spots) => continued(spots.map(onSheet)),
    onLost: (meant) => {
      if (meant) return;
      sheet.strokes.pop();
      drawn();
    },
  });

  const keys = { " ": togglePen, Escape: () => (pen.down = false), z: undo };
  node.addEventListener("keydown", (event) => {
    if (event.altKey || (event.ctrlKey || event.metaKey) !== (event.key === "z")) return;
    const arrow = ARROWS[event.key];
    if (!arrow && !keys[event.key]) return;
    event.preventDefault();
    if (event.key === " " && event.repeat) return; // held, it would go up and down
    if (arrow) movePen(arrow, event.shiftKey ? 5 * STEP : STEP);
    else keys[event.key]();
    pen.shown = true;
    draw();
    onPen(`Pen ${pen.down ? "down" : "up"} at ${pen.spot.map(percent).join(" across, ")} down.`);
  });
  node.addEventListener("blur", hidePen);

  function togglePen() {
    endStroke();
    pen.down = !pen.down;
    if (pen.down) begun([...pen.spot]);
  }
  function movePen([right, up], step) {
    const [x, y] = pen.spot;
    pen.spot = [clamp(x + step * right, 0, 1), clamp(y - step * up, 0, 1)];
    if (pen.down) continued([[...pen.spot]]);
  }
  function undo() {
    if (!sheet.strokes.length) return;
    endStroke();
    pen.down = false;
    sheet.strokes.pop();
    drawn();
  }
  /** Begins anew on an image of bytes, or on an empty sheet. */
  function replace(image) {
    endStroke();
    pen.down = false;
    sheet.strokes = [];
    sheet.image = image;
    draw();
  }

  const stopWatching = onPageChange(node, draw);
  const stop = () => {
    stopWatching();
    draw.stop();
    drawn.stop();
  };
  return { node, sheet, undo, replace, ink: () => inkOf(sheet), stop };
}

/** @type {CanvasRenderingContext2D | null} */
let raster = null; // where drawings are turned into pixels, the same on every screen

/** @returns {Uint8Array} the ink on a sheet, INK_SIDE by INK_SIDE bytes */
function inkOf(sheet) {
  raster ??= contextOf(element("canvas", { width: INK_SIDE, height: INK_SIDE }), {
    willReadFrequently: true,
  });
  raster.clearRect(0, 0, INK_SIDE, INK_SIDE);
  paintSheet(raster, sheet, "#000");
  const { data } = raster.getImageData(0, 0, INK_SIDE, INK_SIDE);
  const ink = new Uint8Array(INK_SIDE * INK_SIDE);
  for (let i = 0; i < ink.length; i += 1) ink[i] = data[4 * i + 3];
  return ink;
}

/** Paints on a square of INK_SIDE units. */
function paintSheet(context, { image, strokes }, color) {
  if (image) {
    context.imageSmoothingEnabled = false;
    context.drawImage(tinted(image, color), 0, 0, INK_SIDE, INK_SIDE);
  }
  context.lineWidth = PEN_WIDTH * INK_SIDE;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = color;
  for (const stroke of strokes) {
    const [first, ...rest] = stroke.map((spot) => spot.map((share) => share * INK_SIDE));
    dot(context, color, first, context.lineWidth / 2);
    context.beginPath();
    context.moveTo(...first);
    rest.forEach((spot) => context.lineTo(...spot));
    context.stroke();
  }
}

/** An image of bytes as a canvas of one colour, the more opaque the more ink. */
function tinted(image, color) {
  const context = contextOf(element("canvas", { width: IMAGE_SIDE, height: IMAGE_SIDE }));
  const picture = context.createImageData(IMAGE_SIDE, IMAGE_SIDE);
  image.forEach((byte, i) => picture.data.set([...rgb(color), byte], 4 * i));
  context.putImageData(picture, 0, 0);
  return context.canvas;
}

function paintPen(context, { spot, down }, width, color) {
  const at = spot.map((share) => share * width);
  context.setLineDash(down ? [] : [4, 3]);
  ring(context, color, down ? 4 : 2, at, (PEN_WIDTH * width) / 2);
  context.setLineDash([]);
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}
