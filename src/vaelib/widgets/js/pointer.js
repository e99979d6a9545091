/**
 * Mouse, pen or finger over a canvas, one pointer at a time.
 *
 * @typedef {[number, number]} Spot CSS pixels from the left and from the top of the canvas
 * @typedef {{id: number, type: string}} Held a pointer that is down
 */

const GRIP = 28; // CSS pixels from its middle in which a finger takes hold of a thing
const NEAR = 500; // milliseconds after a pen was seen in which a finger is the palm

/**
 * Follows a pointer from its press to its release. The first one that is pressed acts, and a second
 * finger does nothing; but a pen takes over from a finger, which was the palm of the hand that holds
 * it, and while a pen is near, no finger acts.
 * @param {HTMLElement} node
 * @param {{onPress: (spot: Spot, type: string) => void, onMove: (spots: Spot[]) => void,
 *   onRelease?: (spot: Spot) => void, onLost?: (meant: boolean) => void,
 *   grips?: () => Spot[]}} options
 *   `onMove` gets all places since the last frame; `onLost` is called instead of `onRelease` if
 *   the pointer went away without one, and told whether what it did was meant: a palm's was not;
 *   `grips` are where a finger drags upwards and downwards, too, and does not scroll the page
 * @returns {() => void} lets go of the pointer, though it may still be down
 */
export function followPointer(node, { onPress, onMove, onRelease, onLost, grips }) {
  /** @type {Held | null} */
  let held = null;
  let penSeen = -Infinity;
  const isPalm = ({ pointerType, timeStamp }) =>
    pointerType === "touch" && timeStamp - penSeen < NEAR;
  const isHeld = (event) => event.pointerId === held?.id;

  const lose = (meant) => {
    held = null;
    onLost?.(meant);
  };
  for (const name of /** @type {const} */ (["pointerdown", "pointermove", "pointerup"])) {
    node.addEventListener(name, (event) => {
      if (event.pointerType === "pen") penSeen = event.timeStamp;
    });
  }
  node.addEventListener("pointerdown", (event) => {
    const { pointerId: id, pointerType: type } = event;
    if (event.button !== 0 || isPalm(event)) return;
    if (held) {
      if (!takesOver(node, held, event)) return;
      lose(held.type !== "touch" || type !== "pen");
    }
    held = { id, type };
    capture(node, id);
    onPress(spotOn(node, event), type);
  });
  node.addEventListener("pointermove", (event) => {
    if (!isHeld(event)) return;
    if (event.pointerType === "mouse" && !(event.buttons & 1)) return lose(true); // released unseen
    const all = event.getCoalescedEvents?.() ?? [];
    onMove((all.length ? all : [event]).map((each) => spotOn(node, each)));
  });
  node.addEventListener("pointerup", (event) => {
    if (!isHeld(event)) return;
    held = null;
    onRelease?.(spotOn(node, event));
  });
  // The system takes a finger away if it finds that it was the palm.
  node.addEventListener("pointercancel", (event) => isHeld(event) && lose(held?.type !== "touch"));
  node.addEventListener("lostpointercapture", (event) => isHeld(event) && lose(true));
  const keepFinger = (event) => {
    const spot = spotOn(node, event.changedTouches[0]);
    if (isOn(spot, grips?.() ?? [])) event.preventDefault(); // this finger does not scroll the page
  };
  if (grips) node.addEventListener("touchstart", keepFinger, { passive: false });
  node.addEventListener("contextmenu", (event) => {
    if (held || event.pointerType === "touch") event.preventDefault(); // a long press goes on
  });
  return () => (held = null);
}

/**
 * Whether a finger takes hold of one of the things there.
 * @param {Spot} finger
 * @param {Spot[]} grips
 */
export function isOn([x, y], grips) {
  return grips.some((at) => Math.hypot(at[0] - x, at[1] - y) < GRIP);
}

/** Whether a pointer that is pressed while another is held takes its place. */
function takesOver(node, held, { pointerId, pointerType, isPrimary }) {
  if (pointerId === held.id) return true; // it was released unseen
  if (pointerType === "pen" && held.type === "touch") return true;
  // Of each type one pointer is the primary one: a new one says that the other has gone.
  return isPrimary && (pointerType === held.type || !node.hasPointerCapture(held.id));
}

/** From now on the node hears of the pointer wherever it goes, if it is still there. */
function capture(node, id) {
  try {
    node.setPointerCapture(id);
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "NotFoundError")) throw error;
  }
}

/**
 * Where an event is, in the canvas's own CSS pixels, however the page around it is scaled.
 * @param {HTMLElement} node
 * @param {{clientX: number, clientY: number}} event
 * @returns {Spot}
 */
function spotOn(node, event) {
  const box = node.getBoundingClientRect();
  return [
    ((event.clientX - box.left) * node.offsetWidth) / box.width - node.clientLeft,
    ((event.clientY - box.top) * node.offsetHeight) / box.height - node.clientTop,
  ];
}
