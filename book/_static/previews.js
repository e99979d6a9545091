/**
 * Shows what a link leads to in a card beside it: an equation, a work, a row of the notation, a term,
 * a figure or an exercise. The build has marked these links (`book/_ext/previews.py`).
 *
 * A mouse that rests on a link opens its card, and so does the focus of the keyboard; the card stays
 * while the pointer is on either of them, and Escape closes it. A finger opens it at the foot of the
 * screen, with a link onwards; a second tap on the link goes there. Without this script, or where a
 * browser has no popovers, they are links.
 */
(function () {
  const own = /** @type {HTMLScriptElement} */ (document.currentScript);
  const version = own.dataset.version;
  const REST = 250; // ms that a mouse or the focus has to rest on a link
  const GRACE = 300; // ms for the way from the link to its card
  const GAP = 6; // pixels between the two, and to the window's edge

  /** @typedef {{ title: string, glyphs: string, cards: Record<string, string> }} Shelf */
  const /** @type {Map<string, Shelf>} */ shelves = new Map();
  const /** @type {Map<string, Promise<void>>} */ loading = new Map();

  window.vaelibPreviews = (name, shelf) => {
    shelves.set(name, shelf);
    const glyphs = elementOf(
      `<svg class="glyphs" aria-hidden="true"><defs>${shelf.glyphs}</defs></svg>`,
    );
    document.body.append(glyphs);
  };

  /** The first element of some HTML. */
  function elementOf(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return /** @type {Element} */ (template.content.firstElementChild);
  }

  /** Loads the cards of a page once. */
  function load(name) {
    const script = document.createElement("script");
    script.src = new URL(`previews/${name}.js?v=${version}`, own.src).href;
    const done = new Promise((resolve, reject) => {
      script.onload = () => resolve(undefined);
      script.onerror = reject;
    });
    document.head.append(script);
    return done.catch((error) => {
      loading.delete(name); // it may be there when it is asked for again
      throw error;
    });
  }

  /** What a link leads to, from this page or from the cards of another one. */
  async function contentOf(link) {
    const identity = decodeURIComponent(link.hash.slice(1));
    if (link.pathname === location.pathname) return { content: copyOf(identity), title: "" };
    const name = link.pathname.replace(/^.*\/|\.html$/g, "");
    if (!loading.has(name)) loading.set(name, load(name));
    await loading.get(name);
    const { title, cards } = /** @type {Shelf} */ (shelves.get(name));
    return { content: elementOf(`<div>${cards[identity]}</div>`), title };
  }

  /** A copy of an element of this page, without what must be on a page once. */
  function copyOf(identity) {
    const copy = /** @type {HTMLElement} */ (
      /** @type {HTMLElement} */ (document.getElementById(identity)).cloneNode(true)
    );
    copy.querySelectorAll(".headerlink, .copybtn, script").forEach((each) => each.remove());
    for (const each of [copy, ...copy.querySelectorAll("*")]) {
      ["id", "tabindex", "data-more", "aria-labelledby"].forEach((name) =>
        each.removeAttribute(name),
      );
    }
    copy.querySelectorAll("a.internal").forEach((each) => each.replaceWith(...each.childNodes));
    return copy;
  }

  const card = document.createElement("div");
  const head = document.createElement("p");
  const body = document.createElement("div");
  const foot = document.createElement("p");
  const onwards = document.createElement("a");
  const shut = document.createElement("button");
  let /** @type {HTMLAnchorElement | null} */ shown = null; // the link whose card is open
  let /** @type {HTMLAnchorElement | null} */ wanted = null; // the link whose card is to be
  let timer = 0;
  let isReturning = false; // the focus goes back to the link whose card was closed

  function build() {
    Object.assign(card, { className: "preview", id: "preview", popover: "manual", tabIndex: -1 });
    head.className = "preview-head";
    body.className = "preview-body";
    foot.className = "preview-foot";
    onwards.textContent = "Go there";
    Object.assign(shut, { type: "button", textContent: "Close" });
    foot.append(shut);
    card.append(head, body, foot);
    document.querySelector(".bd-article")?.append(card);
  }

  /** Opens the card of a link, beside it or, for a finger, at the foot of the screen. */
  async function open(link, docked) {
    if (shown === link && docked === card.classList.contains("docked")) return;
    wanted = link;
    const { content, title } = await contentOf(link);
    if (wanted !== link) return; // the reader has gone on meanwhile
    close();
    shown = wanted = link;
    head.textContent = [link.dataset.preview, title].filter((each) => each).join(" · ");
    body.replaceChildren(content);
    onwards.href = link.href;
    foot.prepend(onwards); // a link without an address is none
    card.classList.toggle("docked", docked);
    card.setAttribute("role", docked ? "dialog" : "tooltip");
    card.setAttribute("aria-label", head.textContent);
    link.setAttribute("aria-details", card.id);
    card.showPopover();
    if (docked) card.focus();
    else place(link);
    letScroll();
  }

  /** Whatever is wider or higher than the card can be reached by keys, and says that there is more. */
  function letScroll() {
    for (const each of [body, ...body.querySelectorAll("mjx-container, .math, pre")]) {
      window.stopAtScroller?.(each);
    }
  }

  /** Puts the card below the first line of its link, or above where there is more room. */
  function place(link) {
    const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    const left = Math.min(at.left, width - card.offsetWidth - GAP);
    const isBelow = at.bottom + card.offsetHeight + GAP < height || at.top < height - at.bottom;
    const top = isBelow ? at.bottom + GAP : at.top - card.offsetHeight - GAP;
    card.style.left = `${Math.max(left, GAP) + scrollX}px`;
    card.style.top = `${top + scrollY}px`;
  }

  function close() {
    clearTimeout(timer);
    wanted = null;
    if (!shown) return;
    const link = shown;
    const hadFocus = card.contains(document.activeElement);
    shown = null;
    link.removeAttribute("aria-details");
    card.hidePopover();
    body.replaceChildren();
    card.removeAttribute("style");
    card.classList.remove("docked");
    if (!hadFocus) return;
    isReturning = true;
    link.focus({ preventScroll: true });
    isReturning = false;
  }

  /** Does something after a while, unless something else is to be done before. */
  function later(wait, act) {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  }

  /** Opens the card of a link if nothing else is pointed at for a while. */
  function soon(link, wait) {
    wanted = link;
    later(wait, () => open(link, false).catch(ignore));
  }

  /** The link with a card in which something happened; a solution stands below its exercise. */
  function linkAt(event) {
    return event.target.closest?.("a[data-preview]:not(.solution > .admonition-title a)");
  }

  const ignore = () => {}; // where a file is missing, the link is still a link

  function startHover() {
    document.addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch" || card.classList.contains("docked")) return;
      const link = linkAt(event);
      if (link) soon(link, shown ? REST / 2 : REST);
      else if (card.contains(/** @type {Node} */ (event.target))) clearTimeout(timer);
      // What has the focus keeps its card: the pointer may lie anywhere, and the page scroll below it.
      else if (wanted && wanted !== document.activeElement) later(GRACE, close);
    });
    document.documentElement.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "touch") return; // it leaves as it is lifted, before its click
      if (!card.classList.contains("docked")) later(GRACE, close);
    });
  }

  function startFocus() {
    document.addEventListener("focusin", (event) => {
      if (isReturning) return; // or the card that was closed would open again
      const link = linkAt(event);
      if (link?.matches(":focus-visible")) soon(link, REST);
      else if (!link && !card.contains(/** @type {Node} */ (event.target))) close();
    });
    document.addEventListener("focusout", (event) => {
      const next = /** @type {Node | null} */ (event.relatedTarget);
      if (event.target === shown && !card.contains(next)) later(GRACE, close);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
  }

  function startTouch() {
    let pointer = "";
    document.addEventListener("pointerdown", (event) => {
      pointer = event.pointerType;
      const target = /** @type {Node} */ (event.target);
      if (shown && !card.contains(target) && !shown.contains(target)) close();
    });
    document.addEventListener("click", (event) => {
      const link = linkAt(event);
      if (!link || pointer !== "touch" || shown === link || event.defaultPrevented) return;
      event.preventDefault();
      clearTimeout(timer); // whatever was to close or to open before
      open(link, true).catch(() => location.assign(link.href));
    });
    shut.addEventListener("click", close);
    onwards.addEventListener("click", () => setTimeout(close));
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!("showPopover" in card) || !document.querySelector("a[data-preview]")) return;
    build();
    startHover();
    startFocus();
    startTouch();
  });
})();
