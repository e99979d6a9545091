/** What scripts of a page find there: Sphinx's options, and MathJax, and what the loaded widgets fill. */
declare const DOCUMENTATION_OPTIONS: { SHOW_SEARCH_SUMMARY: boolean } | undefined;

/** What the script of the search brings (`book/_ext/finding.py`). */
declare const PAGES: string[];
declare const SHARES: Record<string, number[]>;
declare const TERMS: Record<string, string[]>;
declare function splitQuery(query: string): string[];
declare const Search: {
  makeSearchSummary(html: string, wanted: Iterable<string>, anchor: string): HTMLElement;
};
declare class Stemmer {
  stemWord(word: string): string;
}

interface Window {
  stopAtScroller?: (element: Element) => void;
  vaelibQuestions?: {
    keptInBrowser: {
      read(key: string): any;
      write(key: string, answer: unknown): void;
      drop(isMeant: (name: string) => boolean): void;
    };
    make(
      tag: string,
      attributes: Record<string, string>,
      ...children: (Node | string)[]
    ): HTMLElement;
    startQuestion(question: HTMLElement, kept: object): () => void;
  };
  vaelibPreviews: (
    name: string,
    shelf: { title: string; glyphs: string; cards: Record<string, string> },
  ) => void;
  toggleFullScreen(): void; // the theme's
  MathJax?: { startup?: { promise?: Promise<void> } };
  vaelib: {
    modules: Record<string, string[]>;
    parts: Record<string, string>;
    data: Record<string, string>;
    networks: Record<string, { layers: object[]; planes: string }>;
  };
}
