/**
 * The training loop behind a playground: in a worker if the browser grants one, else in short slices
 * between the page's frames. Both run `serve`, which is told what to do by messages.
 *
 * @typedef {{kind: string, [name: string]: any}} Message
 */

import { MATHEMATICS, decodedImages, turned } from "./playground_model.js";
import {
  TRAINING,
  hasDiverged,
  newRun,
  picturesOf,
  readDigits,
  stepOf,
  testOf,
} from "./playground_steps.js";

/**
 * Answers messages by training. It computes for `slice` milliseconds, then lets others have a turn.
 * @param {(message: Message, buffers?: ArrayBuffer[]) => void} post
 * @param {{slice: number, few: number, later: (work: () => void) => void}} pace few: images at once
 * @returns {(message: Message) => void}
 */
export function serve(post, { slice, few, later }) {
  /** @type {any} */
  let [run, digits, settings, examples] = [null, null, {}, []];
  /** @type {Generator | null} */
  let job = null;
  let left = 0; // steps until it stops
  let toEpoch = false; // whether it stops at the end of an epoch
  let order = 0; // the number of the last message that said whether to train
  let [isInStep, isAsked] = [false, false];

  function show(test) {
    const [rebuilt, invented] = picturesOf(run, examples, settings);
    const epoch = run.epoch + (digits ? run.at / digits.train : 0);
    const told = { epoch, losses: run.losses, rebuilt, invented, order, ...test };
    post({ kind: "shown", whole: run.at === 0, running: left > 0, id: run.id, ...told });
    run.losses = [];
  }

  function* train() {
    let due = performance.now();
    while (left > 0) {
      isInStep = true;
      yield* stepOf(run, digits, settings, few);
      isInStep = false;
      left = toEpoch && run.at === 0 ? 0 : left - 1;
      if (hasDiverged(run)) {
        left = 0;
        return post({ kind: "diverged", id: run.id, loss: run.losses.at(-1), before: run.before });
      }
      const begun = performance.now();
      if (left > 0 && run.at && begun < due) continue;
      show(yield* testOf(run, digits, settings, few));
      const now = performance.now();
      due = now + Math.max(250, 5 * (now - begun)); // to test takes a sixth of the time at most
    }
  }

  function* test() {
    show(yield* testOf(run, digits, settings, few));
  }

  function work() {
    isAsked = false;
    const end = performance.now() + slice;
    while (job && performance.now() < end) {
      if (job.next().done) job = left > 0 ? train() : null;
    }
    ask();
  }

  function ask() {
    if (!job || isAsked) return;
    isAsked = true;
    later(work);
  }

  /** Trains for so many steps more; a step that it is in is always done. */
  function go(message, steps, untilWhole = false) {
    left = steps || (isInStep ? 1 : 0);
    [order, toEpoch] = [message.order, untilWhole];
    if (left > 0) job ??= train();
    ask();
  }

  const acts = {
    reset(message) {
      examples = message.examples;
      settings = message.settings;
      [job, left, isInStep] = [null, 0, false];
      const old = run?.vae.memory;
      run = { ...newRun(message, digits ? digits.train : 0, old), id: message.id };
      if (!digits) return show({});
      job = test();
      ask();
    },
    digits(message) {
      digits = readDigits(message.data);
      run.order = Uint16Array.from({ length: digits.train }, (_, i) => i);
    },
    settings: (message) => (settings = message.settings),
    run: (message) => go(message, Infinity),
    pause: (message) => go(message, 0),
    step: (message) => go(message, 1),
    epoch: (message) => go(message, Infinity, true),
    decode(message) {
      const pixels = decodedImages(run.vae, Float32Array.from(message.z), 1);
      post({ kind: "decoded", id: run.id, z: message.z, pixels }, [pixels.buffer]);
    },
    weights() {
      const numbers = turned(run.vae.hidden, run.vae.weights.numbers, true);
      post({ kind: "weights", id: run.id, numbers }, [numbers.buffer]);
    },
  };
  return (message) => acts[message.kind](message);
}

const LOOP = [...TRAINING, serve];

/** What a worker does first: it lets messages in between two slices. */
function beginWorker() {
  const channel = new MessageChannel();
  let next = () => {};
  channel.port1.onmessage = () => next();
  const later = (work) => {
    next = work;
    channel.port2.postMessage(null);
  };
  const post = (message, buffers = []) => self.postMessage(message, { transfer: buffers });
  const receive = serve(post, { slice: 30, few: 32, later });
  self.onmessage = (event) => receive(event.data);
  post({ kind: "ready" });
}

/** A worker from a text, on pages opened as files, too; throws where the browser refuses it. */
function newWorker() {
  const text = [...MATHEMATICS, ...LOOP, beginWorker].map(String).join("\n");
  const address = URL.createObjectURL(
    new Blob([`${text}\nbeginWorker();`], { type: "text/javascript" }),
  );
  try {
    return { worker: new Worker(address), release: () => URL.revokeObjectURL(address) };
  } catch (error) {
    URL.revokeObjectURL(address);
    throw error;
  }
}

/** The same on the page's own thread, in slices that leave time for a frame. */
function onPage(post) {
  let timer = 0;
  let isStopped = false;
  const later = (work) => {
    if (!isStopped) timer = setTimeout(work, 4);
  };
  const answer = (message) => queueMicrotask(() => isStopped || post(message)); // as a worker does
  const receive = serve(answer, { slice: 5, few: 4, later });
  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
  };
  return { send: receive, stop, isWorker: false };
}

/**
 * Starts a loop that trains. A worker may be refused at once, or only when it should begin: what it
 * was told until then is told to a loop on the page instead.
 * @param {(message: Message) => void} onMessage
 * @returns {{send: (message: Message) => void, stop: () => void, isWorker: () => boolean}}
 */
export function startEngine(onMessage) {
  let told = []; // until it is ready
  let engine;
  const instead = () => {
    engine.stop();
    engine = onPage(onMessage);
    told.forEach(engine.send);
    told = [];
  };
  try {
    const { worker, release } = newWorker();
    let isReady = false;
    worker.onmessage = ({ data }) => {
      if (data.kind !== "ready") return onMessage(data);
      isReady = true;
      told = [];
      release();
    };
    worker.onerror = (event) => {
      if (isReady) return onMessage({ kind: "failed", reason: event.message });
      event.preventDefault();
      instead();
    };
    const stop = () => {
      worker.terminate();
      release();
    };
    const send = (message) => {
      if (!isReady) told.push(message);
      worker.postMessage(message);
    };
    engine = { send, stop, isWorker: true };
  } catch {
    engine = onPage(onMessage);
  }
  return {
    send: (message) => engine.send(message),
    stop: () => engine.stop(),
    isWorker: () => engine.isWorker,
  };
}
