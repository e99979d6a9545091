// What the buttons of a page do, for no page may have a script in its attributes.
document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-press]"));
  if (button?.dataset.press === "print") print();
  if (button?.dataset.press === "toggleFullScreen") window.toggleFullScreen();
});

// The page of the search begins in its field.
if (document.querySelector(".bd-search-container")) {
  const field = /** @type {HTMLInputElement | null} */ (
    document.querySelector(".bd-search-container input")
  );
  field?.focus();
  field?.select();
  // A screen reader is told how many pages were found: the line must be a status before it has words.
  const results = document.getElementById("search-results");
  const mark = () => results?.querySelector(".search-summary")?.setAttribute("role", "status");
  if (results) new MutationObserver(mark).observe(results, { childList: true });
}
