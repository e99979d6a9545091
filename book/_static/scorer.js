/**
 * How search orders its pages: Sphinx's points, and more for the section in which the glossary says that
 * what was asked for is explained, for its entry, and for the pages that use the words most.
 *
 * `PAGES`, `SHARES` and `TERMS` are written by `book/_ext/finding.py`.
 */
var Scorer = {
  ...{ objNameMatch: 15, objPartialMatch: 2, objPrio: {}, objPrioDefault: 0 },
  ...{ title: 15, partialTitle: 7, term: 5, partialTerm: 2 },
  stems: () => {
    const stemmer = new Stemmer();
    const query = new URLSearchParams(location.search).get("q") ?? "";
    return splitQuery(query).map((word) => stemmer.stemWord(word));
  },
  score: (result) => {
    const [page, title, anchor, description, score] = result;
    if (description) {
      // A name of the module, and no page: it may break between its parts, as on a page (`breaks.py`).
      result[1] = title.replace(/(?<=\w[._])(?=[a-z])/gi, "<wbr>");
      return score;
    }
    const stems = Scorer.stems();
    const [explained, section, heading, entry, term] = TERMS[stems.join(" ")] ?? [];
    if (page === explained && [``, `#${section}`].includes(anchor)) {
      [result[1], result[2]] = [`${title.split(" > ")[0]} > ${heading}`, `#${section}`];
      return 100;
    }
    if (page === "book/glossary") {
      if (!entry || (anchor && anchor !== `#${entry}`)) return score / 20;
      [result[1], result[2]] = [`Glossary > ${term}`, `#${entry}`];
      return 60;
    }
    const points = stems.map((word) => {
      const told = SHARES[word] ?? [];
      const place = told.findIndex((each, at) => at % 2 === 0 && PAGES[each] === page);
      return place < 0 ? 0 : told[place + 1] / 5;
    });
    return score + points.reduce((sum, each) => sum + each, 0) / Math.max(stems.length, 1);
  },
};
