/** A question of a plain copy, in Jupyter: the form of the page, with its kernel's memory. */

import { change, mount } from "./controls.js";
import { make, startQuestion } from "./question_form.js";

let views = 0; // each has ids of its own

/** What a reader has answered, kept as long as the kernel lives. */
function keptInModel(model) {
  return {
    read: () => model.get("answered"),
    write: (_, answered) => change(model, { answered }),
  };
}

/** The page's text stands in the cell above; what to do with a list stays above the list. */
function hideText(/** @type {Element} */ question) {
  const parts = [...(question.querySelector(".question-text")?.children ?? [])];
  const isList = parts.at(-1)?.matches("ul");
  parts.slice(0, isList ? -2 : undefined).forEach((each) => each.setAttribute("hidden", ""));
}

function render({ model, el }) {
  views += 1;
  const name = `question-${model.get("name")}`;
  const box = make("div", { class: "vae-wide vae-question" });
  box.innerHTML = model.get("html").replaceAll(`"${name}`, `"${name}-${views}`);
  const question = /** @type {HTMLElement} */ (box.firstElementChild);
  hideText(question);
  startQuestion(question, keptInModel(model));
  return mount(el, [box], []);
}

export default { render };
