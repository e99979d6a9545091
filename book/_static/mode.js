(() => {
  const root = document.documentElement.dataset;
  let mode = null;
  try {
    mode = localStorage.getItem("mode");
  } catch {} // a browser that keeps nothing
  root.mode = mode || "auto";
  const dark = root.mode === "auto" && matchMedia("(prefers-color-scheme: dark)").matches;
  root.theme = root.mode === "auto" ? (dark ? "dark" : "light") : root.mode;
  const fonts = `${root.content_root}_static/fonts/literata-`;
  if (location.protocol !== "file:") {
    const href = `${fonts}normal.woff2`;
    const font = { rel: "preload", as: "font", type: "font/woff2", crossOrigin: "", href };
    document.head.append(Object.assign(document.createElement("link"), font));
    return;
  }
  // From a disk nothing can be asked for in advance, and all is here in no time.
  Object.entries({ normal: "400 700", italic: "400" }).forEach(([style, weight]) => {
    const how = { style, weight, display: /** @type {const} */ ("swap") };
    document.fonts.add(new FontFace("Literata", `url("${fonts}${style}.woff2")`, how));
  });
})();
