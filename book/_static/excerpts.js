/**
 * What a result of the search says of its page: whole words of what a reader sees there.
 *
 * Sphinx cuts 240 letters out of all that a page holds, with hidden words, TeX and answers, and writes
 * fractions without their bar. `book/_ext/finding.py` writes this behind `language_data.js`.
 */
const Excerpts = {
  blocks: "p, li, dd, tr, figcaption, div.math",
  // What is hidden, said for all chapters alike, folded, or no prose.
  unsaid:
    "script, style, svg, pre, nav, #jb-print-toc, details, .headerlink, .visually-hidden, .symbols-line, .reading-time, .cards, " +
    ".no-prose, .cell_input, .cell_output, .solution, .question, .place, .eqno, " +
    ".toggle-button, .rubric, .letters, dl.py",
  stemmer: new Stemmer(),

  /** @param {string} text */
  stems: (text) => new Set(splitQuery(text).map((word) => Excerpts.stemmer.stemWord(word))),

  /** The pieces of prose of a page, or of the part that an anchor names, in order.
   * @param {string} html @param {string} [anchor] */
  texts: (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const main = page.querySelector("[role=main]") ?? page.body;
    const named = anchor ? page.getElementById(decodeURIComponent(anchor.slice(1))) : null;
    /** @type {Element | null | undefined} */
    let part = named?.matches("span, a") ? named.parentElement : named;
    while (part?.localName === "dt" && part.nextElementSibling) part = part.nextElementSibling;
    const { blocks, unsaid } = Excerpts;
    main.querySelectorAll(unsaid).forEach((each) => each.contains(part) || each.remove());
    main.querySelectorAll("mjx-container").forEach((each) => {
      const formula = each.querySelector("math");
      if (formula) each.replaceWith(Excerpts.lined(formula));
    });
    const all = [...(part ?? main).querySelectorAll(blocks)];
    return [...(part?.matches(blocks) ? [part] : []), ...all]
      .filter((each) => each.matches("tr") || !each.querySelector(blocks))
      .filter((each) => !each.parentElement?.closest("tr"))
      .map(Excerpts.said)
      .filter((text) => text);
  },

  /** The text of one piece; what a displayed formula says is left to the page.
   * @param {Element} block */
  said: (block) => {
    if (block.matches("div.math")) return "…";
    const cells = block.matches("tr") ? [...block.querySelectorAll("td")] : [block];
    const texts = cells.map((each) => (each.textContent ?? "").replace(/\s+/g, " ").trim());
    const said = texts.filter((text) => text && text !== "–").join(", ");
    return block.matches("tr, li") && /[^.:;?!…]$/.test(said) ? `${said};` : said;
  },

  /** A formula in one line of text: `(a + b)/c`.
   * @param {Element} formula */
  lined: (formula) =>
    Excerpts.part(formula)
      .replace(/\s+/g, " ")
      .replace(/ (?=[()[\],.;|_^²/])/g, "")
      .replace(/(^|[(=[,^<>≤≥≈] ?)[−-] /g, "$1−") // the sign of what follows
      .replace(/^ −/, "−")
      .trim(),

  /** One part of a formula. @param {Element} part @returns {string} */
  part: (part) => {
    const [a = "", b = "", c = ""] = [...part.children].map(Excerpts.part);
    const held = (text) =>
      /^\([^()]*\)$|^\S?[\p{L}\p{N}.]*$/u.test(text.trim()) ? text.trim() : `(${text.trim()})`;
    const raised = (text) => (text.trim() === "2" ? "²" : `^${held(text)}`);
    const accents = { "^": "\u0302", "¯": "\u0304", "~": "\u0303", "―": "\u0304", "‾": "\u0304" };
    switch (part.localName) {
      case "mfrac":
        return `${held(a)}/${held(b)}`;
      case "msqrt":
        return `√${held([...part.children].map(Excerpts.part).join(""))}`;
      case "msub":
      case "munder":
        return `${a.trim()}_${held(b)} `;
      case "msup":
        return `${a.trim()}${raised(b)} `;
      case "msubsup":
      case "munderover":
        return `${a.trim()}_${held(b)}${raised(c)} `;
      case "mover":
        return `${a.trim()}${accents[b.trim()] ?? b} `;
    }
    if (part.children.length) return [...part.children].map(Excerpts.part).join("");
    const text = (part.textContent ?? "").replace(/[\u2061-\u2064]/g, "").replace("∣", "|");
    if (part.localName === "mo" && /^[=<>≤≥≈∼≠∈→+−×·≪≫∝⋅∥‖]$/u.test(text)) return ` ${text} `;
    return text === "," || /^\p{L}{2,}$/u.test(text) ? `${text} ` : text;
  },

  /** Where in a text one of some stems ends, in letters. @param {string} text @param {Set<string>} wanted */
  place: (text, wanted) => {
    const ends = [...text.matchAll(/\S+/g)].map((word) => word.index + word[0].length);
    return (
      ends.find((end) =>
        [...Excerpts.stems(text.slice(0, end))].some((stem) => wanted.has(stem)),
      ) ?? 0
    );
  },

  /** Some 240 letters of the first text that has most of what is wanted, from the beginning of a sentence or
   * at least of a word. @param {string[]} texts @param {Set<string>} wanted */
  around: (texts, wanted) => {
    const typed = splitQuery((new URLSearchParams(location.search).get("q") ?? "").toLowerCase());
    const found = texts.map((text) => {
      const [stems, own] = [Excerpts.stems(text), new Set(splitQuery(text.toLowerCase()))];
      const count = [...wanted].filter((stem) => stems.has(stem)).length;
      return count + typed.filter((word) => own.has(word)).length / (1 + typed.length);
    });
    const best = found.indexOf(Math.max(...found));
    const text = texts.slice(best, best + 8).join(" ");
    const at = Excerpts.place(texts[best], wanted);
    const before = at > 120 ? text.lastIndexOf(". ", at - 20) : -1;
    const sentence = before < 0 ? 0 : before + 2;
    const start = at - sentence > 160 ? text.indexOf(" ", at - 120) + 1 : sentence;
    const rest = text.length - start;
    const end = rest > 240 ? text.lastIndexOf(" ", start + 240) : text.length;
    return `${best || start > 1 ? "… " : ""}${text.slice(start, end)}${rest > 240 ? " …" : ""}`;
  },
};

Search.makeSearchSummary = (html, wanted, anchor) => {
  const texts = Excerpts.texts(html, anchor);
  if (!texts.length) return document.createElement("p");
  const summary = document.createElement("p");
  summary.className = "context";
  summary.textContent = Excerpts.around(texts, new Set(wanted));
  return summary;
};
