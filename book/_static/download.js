// A page that was opened as a file may not hand on another file: a browser shows it instead. What it
// may load is a script, so each plain copy is written as one, and saved from there.
"use strict";

/** Save a text under a name; the scripts in notebooks/ call this. */
function vaelibDownload(/** @type {string} */ name, /** @type {string} */ text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const link = /** @type {HTMLAnchorElement | null} */ (target.closest("a[download]"));
  if (location.protocol !== "file:" || !link?.href.endsWith(".ipynb")) return;
  event.preventDefault();
  const script = document.createElement("script");
  script.src = link.href.replace(/ipynb$/, "js");
  script.onload = () => script.remove();
  script.onerror = () => {
    script.remove();
    window.open(link.href, "_blank"); // better to show it than to do nothing
  };
  document.head.append(script);
});
