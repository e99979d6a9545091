/**
 * Lets a reader answer the questions of a page, with the forms of question_form.js, and clear what
 * was answered.
 */
(function () {
  const forms = window.vaelibQuestions;
  if (!forms) return; // its file is missing: the answers stay in their folds

  document.addEventListener("DOMContentLoaded", () => {
    const questions = [...document.querySelectorAll("div.question")];
    const resets = questions.map((each) =>
      forms.startQuestion(/** @type {HTMLElement} */ (each), forms.keptInBrowser),
    );
    const button = forms.make("button", { type: "button" }, "Clear my answers");
    const said = forms.make("span", { role: "status" });
    button.addEventListener("click", () => {
      forms.keptInBrowser.drop(() => true);
      resets.forEach((reset) => reset());
      said.textContent = "All answers are cleared.";
    });
    const text = "Your answers stay in this browser. ";
    questions.at(-1)?.after(forms.make("p", { class: "question-kept" }, text, button, " ", said));
  });
})();
