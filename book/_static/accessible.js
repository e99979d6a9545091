// The button back to the top belongs to the text, not to nothing: screen readers go by landmarks.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("pst-back-to-top");
  if (button) document.getElementById("main-content")?.append(button);
});

// Whatever scrolls sideways is a stop of the Tab key, so that the arrow keys can move it: when it is
// first shown, and again whenever its size changes, since solutions open and a telephone turns.
document.addEventListener("DOMContentLoaded", () => {
  const scrollers = "pre, .cell_output > .output, .pst-scrollable-table-container, .math";
  const sizes = new ResizeObserver((entries) => {
    const all = entries.flatMap(({ target }) => [
      target,
      ...target.querySelectorAll("mjx-container"),
    ]);
    // All is measured before anything changes, or the page would be laid out anew for each.
    const sizesOfAll = all.map(measured);
    all.forEach((each, place) => stopAtScroller(each, sizesOfAll[place]));
  });
  document.querySelectorAll(scrollers).forEach((each) => sizes.observe(each));
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

/** Whether an element scrolls, and whether it does so sideways. */
function measured(element) {
  const { overflowX, overflowY } = getComputedStyle(element);
  const scrolls = ["auto", "scroll"];
  const sideways = scrolls.includes(overflowX) && element.scrollWidth > element.clientWidth;
  const down = scrolls.includes(overflowY) && element.scrollHeight > element.clientHeight;
  return { sideways, scrolls: sideways || down };
}

function stopAtScroller(element, { sideways, scrolls } = measured(element)) {
  if (scrolls) {
    element.tabIndex = 0;
  } else {
    element.removeAttribute("tabindex");
  }
  if (sideways) {
    element.addEventListener("scroll", showMore, { passive: true });
    showMore({ currentTarget: element });
  } else {
    element.removeEventListener("scroll", showMore);
    delete element.dataset.more;
  }
}

/** Says on which sides of a scroller there is more to see than what it shows.
 * @param {{ currentTarget: HTMLElement }} event */
function showMore({ currentTarget: element }) {
  const left = element.scrollLeft > 1;
  const right = element.scrollLeft + element.clientWidth < element.scrollWidth - 1;
  const sides = [left ? "left" : "", right ? "right" : ""].filter((side) => side);
  if (sides.length) {
    element.dataset.more = sides.join(" ");
  } else {
    delete element.dataset.more;
  }
}
