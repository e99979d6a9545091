// Sets formulas with MathJax, outside of any browser: reads [{ tex, display }, ...] in JSON from its
// standard input and writes [{ html } or { error }, ...]. The argument is MathJax's folder.
const folder = process.argv[2];

globalThis.MathJax = {
  loader: {
    paths: { mathjax: folder },
    require,
    load: ["adaptors/liteDOM", "input/tex-full", "output/svg", "a11y/assistive-mml"],
  },
  // What is wrong or not known is an error, and not a red word on the page.
  tex: { packages: { "[-]": ["noerrors", "noundefined"] }, formatError: (_, error) => { throw error; } },
  svg: { fontCache: "none" },
  startup: { typeset: false },
};
require(`${folder}/startup.js`);

MathJax.startup.promise.then(() => {
  const { adaptor } = MathJax.startup;
  const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const set = formulas.map(({ tex, display }) => {
    try {
      return { html: adaptor.outerHTML(MathJax.tex2svg(tex, { display })) };
    } catch (error) {
      return { error: String(error.message ?? error) };
    }
  });
  process.stdout.write(JSON.stringify(set));
});
