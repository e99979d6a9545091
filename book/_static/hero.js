/**
 * Lets the ring on the front page drift over the map, and writes the decoder's digit beside it.
 *
 * All that it shows was computed at the build (`book/_ext/plane.py`): places on a closed way and the
 * image that is decoded at each; between two of them it mixes their images. The still picture of the
 * page goes once this can draw. The ring stands still where the reader wants no motion, has paused
 * it, or cannot see it.
 */
(function () {
  const MILLISECONDS = 500; // from one place of the way to the next
  const SHORTEST = 30; // between two pictures
  const LEVELS = 15;
  const SIDE = 28;
  const TRAIL = 9; // places behind the ring

  /**
   * @typedef {{size: number[], lens: number[], pitch: number, ring: number, ground: string,
   *   way: [number, number][], colors: string[], frames: string}} HeroData
   */

  const hero = document.querySelector(".hero");
  const stored = hero?.querySelector(".hero-data");
  if (!hero || !stored) return;
  /** @type {HeroData} */
  const told = JSON.parse(stored.textContent ?? "");
  const { way } = told;
  const canvas = /** @type {HTMLCanvasElement} */ (hero.querySelector(".hero-moving"));
  const button = /** @type {HTMLButtonElement} */ (hero.querySelector(".hero-pause"));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const noMotion = matchMedia("(prefers-reduced-motion: reduce)");
  const colors = told.colors.map(channels);

  let paused = noMotion.matches;
  let inSight = true;
  let at = 0; // places from the first
  let last = 0; // when it was drawn
  let asked = 0;

  /** How dark each pixel is at each place: it was stored as its changes from place to place. */
  async function unpack() {
    const packed = Uint8Array.from(atob(told.frames), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const changes = new Uint8Array(await new Response(stream).arrayBuffer());
    const frames = way.map(() => new Uint8Array(SIDE * SIDE));
    for (let pixel = 0, from = 0; pixel < SIDE * SIDE; pixel += 1) {
      let level = 0;
      for (const frame of frames) {
        level = (level + changes[from]) % (LEVELS + 1);
        frame[pixel] = level;
        from += 1;
      }
    }
    return frames;
  }

  function channels(color) {
    return [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  }

  /** A mixture of two lists of numbers. */
  function mix(one, other, share) {
    return one.map((value, i) => value + share * (other[i] - value));
  }

  /** A value of the way at any place, from a list of those at its steps. */
  function along(list, place) {
    const step = Math.floor(place);
    const [one, other] = [step, step + 1].map(
      (i) => list[((i % way.length) + way.length) % way.length],
    );
    return mix(one, other, place - step);
  }

  function draw(frames) {
    const ratio = canvas.width / told.size[0];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, told.size[0], told.size[1]);
    const color = `rgb(${along(colors, at).map(Math.round).join(" ")})`;
    const [x, y] = along(way, at);
    context.lineCap = "round";
    drawTrail();
    drawRing(x, y, color);
    drawDigit(frames, color);
  }

  /** Where the ring has come from, ever fainter. */
  function drawTrail() {
    context.strokeStyle = "#fff";
    context.lineWidth = 3;
    for (let i = 0; i < 2 * TRAIL; i += 1) {
      context.globalAlpha = 0.45 * (1 - i / (2 * TRAIL));
      context.beginPath();
      context.moveTo(...pair(along(way, at - i / 2)));
      context.lineTo(...pair(along(way, at - (i + 1) / 2)));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** @returns {[number, number]} */
  function pair([x, y]) {
    return [x, y];
  }

  /** The ring, and a line from it to the lens. */
  function drawRing(x, y, color) {
    const [lensX, lensY, radius] = told.lens;
    const far = Math.hypot(lensX - x, lensY - y);
    const [right, down] = [(lensX - x) / far, (lensY - y) / far];
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x + told.ring * right, y + told.ring * down);
    context.lineTo(lensX - radius * right, lensY - radius * down);
    context.stroke();
    context.strokeStyle = "#fff";
    context.fillStyle = told.ground;
    context.lineWidth = 5;
    context.beginPath();
    context.arc(x, y, told.ring, 0, 2 * Math.PI);
    context.stroke();
  }

  /** The digit in the lens, each pixel a dot of its own size. */
  function drawDigit(frames, color) {
    const [x, y, radius] = told.lens;
    context.globalAlpha = 0.8;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = color;
    context.lineWidth = 3;
    context.stroke();
    context.fillStyle = color;
    context.beginPath();
    const levels = along(frames, at);
    for (let i = 0; i < levels.length; i += 1) {
      if (levels[i] < 0.2) continue;
      const [column, row] = [(i % SIDE) - 13.5, Math.floor(i / SIDE) - 13.5];
      const [dotX, dotY] = [x + column * told.pitch, y + row * told.pitch];
      const size = told.pitch * 0.53 * Math.sqrt(levels[i] / LEVELS);
      context.moveTo(dotX + size, dotY);
      context.arc(dotX, dotY, size, 0, 2 * Math.PI);
    }
    context.fill();
  }

  /** Draws where the ring is now and, while it may drift, asks for the next picture. */
  function go(frames) {
    cancelAnimationFrame(asked);
    last = performance.now();
    const step = (now) => {
      asked = requestAnimationFrame(step);
      if (now - last < SHORTEST) return;
      at = (at + Math.min(now - last, 100) / MILLISECONDS) % way.length;
      last = now;
      draw(frames);
    };
    const drifts = !paused && inSight && !document.hidden;
    hero?.toggleAttribute("data-drifting", drifts);
    if (drifts) asked = requestAnimationFrame(step);
  }

  function say() {
    hero?.toggleAttribute("data-paused", paused);
    const word = paused ? "Play" : "Pause";
    /** @type {HTMLElement} */ (button.querySelector("span")).textContent = word;
    button.setAttribute("aria-label", `${word} the drifting ring`);
  }

  unpack().then((frames) => {
    const resume = () => {
      say();
      go(frames);
    };
    new ResizeObserver(() => {
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
      draw(frames);
    }).observe(canvas);
    new IntersectionObserver(([{ isIntersecting }]) => {
      inSight = isIntersecting;
      go(frames);
    }).observe(canvas);
    document.addEventListener("visibilitychange", () => go(frames));
    noMotion.addEventListener("change", () => {
      paused = noMotion.matches;
      resume();
    });
    button.addEventListener("click", () => {
      paused = !paused;
      resume();
    });
    hero.querySelector(".hero-still")?.remove();
    canvas.hidden = button.hidden = false;
    resume();
  });
})();
