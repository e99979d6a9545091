/**
 * The hand on q: its mean and two handles, each at two deviations, with mouse, pen, finger or keys.
 *
 * @typedef {[number, number]} Pair
 * @typedef {{mu: Pair, sigma: Pair}} Gaussian
 */

import { ARROWS, clamp, cursor, dot, ellipses, line } from "./plane.js";
import { followPointer } from "./pointer.js";

const AT = 2; // deviations from the mean to a handle, on the dashed ellipse
const EDGE = 9; // CSS pixels that a handle keeps from the edge of the plane
const SLOP = 6; // CSS pixels that a finger trembles in a tap

/** Where one takes hold of q, in the plane. @param {Gaussian} q @returns {Record<string, Pair>} */
function holdsOf({ mu: [x, y], sigma: [right, up] }) {
  return { mu: [x, y], right: [x + AT * right, y], up: [x, y + AT * up] };
}

/** The same in CSS pixels; what lies beyond the edge is at it. */
function spotsOf({ place, width, height }, q) {
  /** @returns {Pair} */
  const inside = ([x, y]) => [clamp(x, EDGE, width - EDGE), clamp(y, EDGE, height - EDGE)];
  return Object.entries(holdsOf(q)).map(([name, point]) => ({ name, at: inside(place(point)) }));
}

/**
 * Moves and stretches q on a canvas.
 * @param {HTMLCanvasElement} node
 * @param {{view: () => {centre: Pair, half: number}, q: () => Gaussian,
 *   put: (q: Gaussian) => void}} options
 *   `half` is from the middle of the canvas to its edge
 */
export function followQ(node, { view, q, put }) {
  node.tabIndex = 0;
  node.classList.add("vae-plane");
  node.setAttribute("role", "application");
  node.setAttribute("aria-roledescription", "plane with a movable Gaussian");
  const scale = () => node.clientWidth / (2 * view().half);
  /** @param {number[]} point */
  const place = ([x, y]) => {
    const { centre, half } = view();
    return [(x - centre[0] + half) * scale(), (centre[1] + half - y) * scale()];
  };
  /** @param {number[]} spot */
  const pointAt = ([x, y]) => {
    const { centre, half } = view();
    return [centre[0] - half + x / scale(), centre[1] + half - y / scale()];
  };

  let pressed = { spot: [0, 0], reach: 0, acts: false, before: q() };
  let held = { name: "mu", offset: [0, 0] };
  /** @param {number[]} spot */
  const far = ([x, y]) => Math.hypot(x - pressed.spot[0], y - pressed.spot[1]);
  const spots = () => spotsOf({ place, width: node.clientWidth, height: node.clientHeight }, q());
  const take = () => {
    pressed.acts = true;
    const { name, at } = spots().reduce((a, b) => (far(b.at) < far(a.at) ? b : a));
    const on = far(at) < pressed.reach;
    held = on
      ? { name, offset: pressed.spot.map((x, d) => x - at[d]) }
      : { name: "mu", offset: [0, 0] };
    if (!on) drag(pressed.spot); // a press elsewhere brings the mean there
  };
  const drag = (spot) => {
    const [x, y] = pointAt(spot.map((at, d) => at - held.offset[d]));
    const { mu, sigma } = q();
    if (held.name === "mu") put({ mu: [x, y], sigma });
    else if (held.name === "right") put({ mu, sigma: [(x - mu[0]) / AT, sigma[1]] });
    else put({ mu, sigma: [sigma[0], (y - mu[1]) / AT] });
  };
  followPointer(node, {
    onPress: (spot, type) => {
      const isFinger = type === "touch";
      pressed = { spot, reach: isFinger ? 28 : 14, acts: false, before: q() };
      if (!isFinger) take();
    },
    onMove: (all) => {
      const spot = all[all.length - 1];
      if (!pressed.acts && far(spot) > SLOP) take();
      if (pressed.acts) drag(spot);
    },
    onRelease: () => pressed.acts || take(),
    onLost: (meant) => meant || put(pressed.before),
    grips: () => spots().map(({ at }) => at),
  });
  node.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const step = (event.shiftKey ? 0.05 : 0.01) * view().half;
    const { mu, sigma } = q();
    put({ mu: [mu[0] + step * arrow[0], mu[1] + step * arrow[1]], sigma });
  });
}

/** The ellipses one and two deviations around the mean of q, and the handles. */
export function paintQ(brush, q) {
  const { context, ink } = brush;
  const [mean, right, up] = spotsOf(brush, q);
  context.lineWidth = 1;
  line(context, ink.ink, mean.at, right.at);
  line(context, ink.ink, mean.at, up.at);
  ellipses(brush, ink.ink, q.mu, q.sigma);
  for (const { at } of [right, up]) {
    dot(context, ink.ground, at, 8);
    dot(context, ink.ink, at, 6);
  }
  cursor(brush, q.mu);
}
