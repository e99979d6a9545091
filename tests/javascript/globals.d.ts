/** What scripts of a page find there: Sphinx's options, and what the loaded widgets fill. */
declare const DOCUMENTATION_OPTIONS: { SHOW_SEARCH_SUMMARY: boolean } | undefined;

interface Window {
  vaelib: {
    modules: Record<string, string[]>;
    parts: Record<string, string>;
    data: Record<string, string>;
    networks: Record<string, { layers: object[]; planes: string }>;
  };
}
