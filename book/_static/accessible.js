// The button back to the top belongs to the text, not to nothing: screen readers go by landmarks.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("pst-back-to-top");
  if (button) document.getElementById("main-content")?.append(button);
});

// Whatever scrolls sideways is a stop of the Tab key, so that the arrow keys can move it: when it is
// first shown, and again whenever its size changes, since solutions open and a telephone turns. What is
// far below has not been laid out (`content-visibility`), and to measure it would do just that.
document.addEventListener("DOMContentLoaded", () => {
  const scrollers = "pre, .cell_output > .output, .pst-scrollable-table-container, .math";
  /** @param {Element[]} targets */
  const stopAt = (targets) => {
    const all = targets
      .flatMap((target) => [target, ...target.querySelectorAll("mjx-container")])
      .filter((each) => each.checkVisibility({ contentVisibilityAuto: true }));
    // All is measured before anything changes, or the page would be laid out anew for each.
    const sizesOfAll = all.map(measured);
    all.forEach((each, place) => stopAtScroller(each, sizesOfAll[place]));
  };
  const sizes = new ResizeObserver((entries) => stopAt(entries.map(({ target }) => target)));
  document.querySelectorAll(scrollers).forEach((each) => sizes.observe(each));
  document.addEventListener("contentvisibilityautostatechange", ({ target }) => {
    if (target instanceof Element && target.matches(".math")) stopAt([target]); // of any size
  });
});

// The list of a page's sections follows the text: on the module's page it is many screens long. The theme
// marks the link of what is read.
document.addEventListener("DOMContentLoaded", () => {
  const list = document.querySelector(".bd-sidebar-secondary");
  const follow = () => {
    const link = [...(list?.querySelectorAll(".nav-link.active") ?? [])].at(-1);
    if (!list || !link) return;
    const [seen, at] = [list.getBoundingClientRect(), link.getBoundingClientRect()];
    if (at.top < seen.top || at.bottom > seen.bottom) {
      list.scrollTop += at.top - seen.top - seen.height / 3;
    }
  };
  if (list)
    new MutationObserver(follow).observe(list, { subtree: true, attributeFilter: ["class"] });
});

/** Whether an element scrolls, whether it does so sideways, and on which sides it has more to show. */
function measured(element) {
  const { overflowX, overflowY } = getComputedStyle(element);
  const scrolls = ["auto", "scroll"];
  const sideways = scrolls.includes(overflowX) && element.scrollWidth > element.clientWidth;
  const down = scrolls.includes(overflowY) && element.scrollHeight > element.clientHeight;
  return { sideways, scrolls: sideways || down, more: sideways ? moreOf(element) : "" };
}

/** @param {HTMLElement} element */
function moreOf(element) {
  const left = element.scrollLeft > 1;
  const right = element.scrollLeft + element.clientWidth < element.scrollWidth - 1;
  return [left ? "left" : "", right ? "right" : ""].filter((side) => side).join(" ");
}

function stopAtScroller(element, { sideways, scrolls, more } = measured(element)) {
  if (scrolls) {
    element.tabIndex = 0;
  } else {
    element.removeAttribute("tabindex");
  }
  if (sideways) {
    element.addEventListener("scroll", showMore, { passive: true });
  } else {
    element.removeEventListener("scroll", showMore);
  }
  sayMore(element, more);
}

/** @param {{ currentTarget: HTMLElement }} event */
function showMore({ currentTarget: element }) {
  sayMore(element, moreOf(element));
}

/** Says on which sides of a scroller there is more to see than what it shows. */
function sayMore(element, more) {
  if (more) {
    element.dataset.more = more;
  } else {
    delete element.dataset.more;
  }
}
