// Paper is light: while a page is printed, its theme is the light one, whatever the screen has.
(function () {
  const root = document.documentElement;
  const paper = matchMedia("print");
  /** @type {string | undefined} */
  let onScreen;

  function lighten() {
    onScreen ??= root.dataset.theme;
    root.dataset.theme = "light";
  }

  function giveBack() {
    if (onScreen !== undefined) root.dataset.theme = onScreen;
    onScreen = undefined;
  }

  window.addEventListener("beforeprint", lighten);
  window.addEventListener("afterprint", giveBack);
  paper.addEventListener("change", () => (paper.matches ? lighten() : giveBack()));
})();
