/** What scripts of a page find there: Sphinx's options, and MathJax, and what the loaded widgets fill. */
declare const DOCUMENTATION_OPTIONS: { SHOW_SEARCH_SUMMARY: boolean } | undefined;

interface Window {
  toggleFullScreen(): void; // the theme's
  MathJax?: { startup?: { promise?: Promise<void> } };
  vaelib: {
    modules: Record<string, string[]>;
    parts: Record<string, string>;
    data: Record<string, string>;
    networks: Record<string, { layers: object[]; planes: string }>;
  };
}
