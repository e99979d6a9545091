/**
 * The form of a question, on a page and in Jupyter.
 *
 * A question is a <div class="question"> with its text, a folded answer that has a note on each
 * answer, and the answers as JSON. A form is put above the fold, and says what is right, or, with the
 * note on it, what went wrong. What a reader answers is kept: on a page in the browser's own storage,
 * under the question's name and a digest of its text.
 */

const PREFIX = "vaelib-answer ";

/** What the browser keeps; one that keeps nothing for a file is no reason to complain. */
export const keptInBrowser = {
  read(/** @type {string} */ key) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null");
    } catch {
      return null;
    }
  },
  write(/** @type {string} */ key, /** @type {unknown} */ answer) {
    try {
      this.drop((name) => name.split("@")[0] === key.split("@")[0]); // also of an older text
      localStorage.setItem(PREFIX + key, JSON.stringify(answer));
    } catch {
      // It is then forgotten with the page.
    }
  },
  drop(/** @type {(name: string) => boolean} */ isMeant) {
    try {
      Object.keys(localStorage)
        .filter((name) => name.startsWith(PREFIX) && isMeant(name.slice(PREFIX.length)))
        .forEach((name) => localStorage.removeItem(name));
    } catch {
      // There is nothing to drop.
    }
  },
};

/**
 * A new element.
 *
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

/** The number that a reader has written, or a sentence on what was wanted. */
function numberIn(/** @type {string} */ text, /** @type {string} */ unit) {
  const example = "Write a number such as 0.5, 1/2 or 5e-1.";
  const tidy = text
    .normalize("NFKC")
    .replace(/[\u2212\u2013]/g, "-")
    .replace("\u2044", "/");
  const match = tidy.trim().match(/^([-+.,/\d\s]*(?:e[-+]?\d+)?)\s*([^\d\s]*)$/i);
  if (!tidy.trim()) return { problem: `There is no answer yet. ${example}` };
  if (!match?.[1].trim()) return { problem: `That is no number. ${example}` };
  const [, digits, word] = match;
  if (word && one(word) !== one(unit)) {
    return {
      problem: unit ? `The answer is asked for in ${unit}.` : `No unit, please. ${example}`,
    };
  }
  const parts = digits.replace(/\s/g, "").split("/").map(decimal);
  const value = parts.length === 1 ? parts[0] : parts.length === 2 ? parts[0] / parts[1] : NaN;
  return Number.isFinite(value) ? { value } : { problem: `That is no number. ${example}` };
}

/** A unit in the singular. */
function one(/** @type {string} */ unit) {
  return unit.toLowerCase().replace(/s$/, "");
}

/** A number with a decimal point or comma, or with commas between thousands. */
function decimal(/** @type {string} */ digits) {
  const isGrouped = /^[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(digits);
  const plain = isGrouped ? digits.replaceAll(",", "") : digits.replace(",", ".");
  return /\d/.test(plain) ? Number(plain) : NaN;
}

/** A question for a number: a line of text. */
function numberForm(/** @type {any} */ data, /** @type {string} */ name) {
  const id = `${name}-number`;
  const label = `Your answer${data.unit ? `, in ${data.unit}` : ""}`;
  const input = /** @type {HTMLInputElement} */ (
    make("input", { id, type: "text", autocomplete: "off", spellcheck: "false" })
  );
  input.setAttribute("aria-describedby", `${name}-text`);
  const field = make("p", { class: "question-field" }, make("label", { for: id }, label), input);
  /** Which of the answers a number is; none is as near to two of them. */
  const known = (value) =>
    data.values.findIndex((each, i) => Math.abs(each - value) <= data.near[i] * (1 + 1e-9));
  return {
    field,
    read: () => input.value,
    write: (answer) => (input.value = typeof answer === "string" ? answer : ""),
    judge(/** @type {string} */ answer, /** @type {number} */ tries) {
      const { value, problem } = numberIn(answer, data.unit);
      if (value === undefined) return { isOpen: true, text: problem };
      const note = known(value);
      if (note === 0) return { isRight: true, text: "Right.", note };
      if (note > 0) return { text: "No.", note };
      const advice = tries > 1 ? "The answer is in the fold below." : "Try once more.";
      return { text: `Too ${value > data.values[0] ? "large" : "small"}. ${advice}` };
    },
  };
}

/** A question for one of several options: radio buttons. */
function choiceForm(/** @type {any} */ data, /** @type {string} */ name, list) {
  const field = make("fieldset", { "aria-describedby": `${name}-text` });
  field.append(make("legend", { class: "visually-hidden" }, "Your answer"));
  const buttons = [...list.children].map((item, place) => {
    const attributes = { type: "radio", name: `${name}-choice`, value: String(place) };
    const button = /** @type {HTMLInputElement} */ (make("input", attributes));
    const text = make("span", {}, ...inline(item));
    field.append(make("label", { class: "question-option" }, button, text));
    return button;
  });
  list.replaceWith();
  return {
    field,
    read: () => buttons.findIndex((button) => button.checked),
    write: (answer) =>
      buttons.forEach((button, place) => (button.checked = place === (answer ?? -1))),
    judge(/** @type {number} */ answer) {
      if (answer < 0) return { isOpen: true, text: "There is no answer yet. Choose one." };
      const isRight = answer === data.right;
      return { isRight, text: isRight ? "Right." : "No.", note: data.notes[answer] };
    },
  };
}

/** What an item of a list holds, without the paragraph that may be around it. */
function inline(/** @type {Element} */ item) {
  const only = item.children.length === 1 && item.firstElementChild?.matches("p");
  return [...(only ? item.firstElementChild : item).childNodes];
}

/** A question for an order: lines that buttons and pointers move. */
function orderForm(/** @type {any} */ data, /** @type {string} */ name, list) {
  const lines = make("ol", { class: "question-lines" });
  const said = make("p", { class: "question-said", role: "status" });
  const sizes = new ResizeObserver((entries) =>
    entries.forEach((e) => window.stopAtScroller?.(e.target)),
  );
  const items = [...list.children].map((item, place) => {
    const text = make("span", { id: `${name}-line-${place}` }, ...inline(item));
    sizes.observe(text);
    const grip = make("span", { class: "question-grip", "aria-hidden": "true" }, "⠿");
    const line = make("li", {}, grip, text);
    line.append(mover(line, -1, text.id, moved), mover(line, 1, text.id, moved));
    return line;
  });
  const places = () => [...lines.children].map((line) => items.findIndex((each) => each === line));
  lines.append(...items);
  list.replaceWith();
  follow(lines, moved);

  /** Say where a line now stands, to the buttons and to the reader. */
  function moved(/** @type {Element} */ line) {
    const place = [...lines.children].indexOf(line) + 1;
    said.textContent = `Now line ${place} of ${items.length}.`;
    mark(-1);
  }

  /** Mark the line at a place, and no other. */
  function mark(/** @type {number} */ place) {
    [...lines.children].forEach((line, at) => line.classList.toggle("is-wrong", at === place));
  }

  return {
    field: make("div", { role: "group", "aria-label": "Lines" }, lines, said),
    read: places,
    write(answer) {
      const isOrder = items.every((_, place) => answer?.includes?.(place));
      lines.append(...(isOrder ? answer.map((place) => items[place]) : items));
      said.textContent = "";
      mark(-1);
    },
    judge(/** @type {number[]} */ answer) {
      const stands = (length) =>
        data.right.some((right) => answer.slice(0, length).every((at, i) => at === right[i]));
      const wrong = answer.findIndex((_, at) => !stands(at + 1));
      mark(wrong);
      if (wrong < 0) return { isRight: true, text: "Right: this order stands." };
      return { text: `Line ${wrong + 1} cannot stand there.`, note: data.notes[answer[wrong]] };
    },
  };
}

/** A button that moves a line up or down; what moves is its neighbour, so that it keeps focus. */
function mover(/** @type {HTMLElement} */ line, by, described, moved) {
  const label = by < 0 ? "Move up" : "Move down";
  const attributes = { type: "button", "aria-label": label, "aria-describedby": described };
  const button = make("button", attributes, by < 0 ? "↑" : "↓");
  button.addEventListener("click", () => {
    if (by < 0 && line.previousElementSibling) line.after(line.previousElementSibling);
    if (by > 0 && line.nextElementSibling) line.before(line.nextElementSibling);
    moved(line);
  });
  return button;
}

/** Let a mouse drag lines, and a finger or a pen drag them by their grips. */
function follow(/** @type {HTMLElement} */ lines, moved) {
  lines.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const target = /** @type {Element} */ (event.target);
    const line = /** @type {HTMLElement | null} */ (target.closest("li"));
    const isHeld = event.pointerType === "mouse" || target.matches(".question-grip");
    if (!line || !isHeld || event.button !== 0 || target.closest("button")) return;
    if (lines.querySelector(".is-held")) return; // by another finger
    event.preventDefault(); // no text is selected
    const letGo = new AbortController();
    const own = (react) => (other) => other.pointerId === event.pointerId && react(other);
    line.setPointerCapture(event.pointerId);
    line.classList.add("is-held");
    const move = own((at) => passNeighbours(line, at.clientY));
    const end = own(() => {
      letGo.abort();
      line.classList.remove("is-held");
      moved(line);
    });
    line.addEventListener("pointermove", move, { signal: letGo.signal });
    ["pointerup", "pointercancel", "lostpointercapture"].forEach((kind) =>
      line.addEventListener(kind, end, { signal: letGo.signal }),
    );
  });
}

/** Move a line's neighbours past it until it stands where the pointer is. */
function passNeighbours(/** @type {Element} */ line, /** @type {number} */ y) {
  const middle = (other) => {
    const { top, height } = other.getBoundingClientRect();
    return top + height / 2;
  };
  let other;
  while ((other = line.previousElementSibling) && y < middle(other)) line.after(other);
  while ((other = line.nextElementSibling) && y > middle(other)) line.before(other);
}

/** When formulas are set, so that copies have them, too. */
async function whenTypeset() {
  await window.MathJax?.startup?.promise;
}

const FORMS = { number: numberForm, choice: choiceForm, order: orderForm };

/**
 * Put a form into a question; what it gives back forgets the answer.
 *
 * @param {HTMLElement} question
 * @param {{ read: (key: string) => any, write: (key: string, answer: any) => void }} kept
 */
export function startQuestion(question, kept) {
  const fold = /** @type {Element} */ (question.querySelector(".question-answer"));
  const data = JSON.parse(question.querySelector("script")?.textContent ?? "null");
  const list = question.querySelector(".question-text > ul:last-child");
  const { field, read, write, judge } = FORMS[data.kind](data, question.id, list);
  const notes = [...fold.querySelectorAll("dd")];
  const verdict = make("div", { class: "question-verdict", role: "status" });
  const check = make("button", { type: "submit" }, "Check");
  const form = make("form", { class: "question-form", novalidate: "" }, field, check, verdict);
  const key = question.dataset.key ?? "";
  let tries = 0;

  /** Say what is right or wrong; whether there was an answer at all. */
  function show() {
    const { isRight, isOpen, text, note } = judge(read(), tries);
    verdict.className = `question-verdict ${isRight ? "is-right" : isOpen ? "" : "is-wrong"}`;
    verdict.replaceChildren(make("p", {}, make("strong", {}, text)));
    if (note !== undefined) {
      const copies = [...notes[note].childNodes].map((each) => each.cloneNode(true));
      verdict.append(make("div", {}, ...copies));
    }
    return !isOpen;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await whenTypeset();
    tries += 1;
    if (show()) kept.write(key, { answer: read(), tries });
    else tries -= 1;
  });
  fold.before(form);
  const stored = kept.read(key);
  if (stored) {
    tries = Number(stored.tries) || 1;
    write(stored.answer);
    whenTypeset().then(() => judge(read(), tries).isOpen || show());
  }
  return () => {
    tries = 0;
    write(null);
    verdict.className = "question-verdict";
    verdict.replaceChildren();
  };
}
