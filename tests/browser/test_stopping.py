"""A widget whose view is closed leaves nothing behind on the page."""

import pytest

from tests.browser.conftest import Visit, built, ready_widget
from tests.pages import chapters, widgets_of

PLACES = [(built(page), name) for page in chapters() for name in widgets_of(page)]

# Starts the widget again on a model of its own, uses it, and closes it: at once, or when it has
# begun everything wanted. What it has begun, and what it has not ended, is told in words.
LEFT = """async (figure, [pause, wanted]) => {
  const { model: page, module } = figure.vaelib;
  const open = new Map(); // what was begun and not ended, by a key
  const begun = new Set();
  const begin = (key, what) => {
    if (!new Error().stack.includes("blob:")) return; // it was the page
    open.set(key, what);
    begun.add(what);
  };
  const undo = [];
  const wrap = (owner, name, make) => {
    const own = owner[name];
    owner[name] = make(own);
    undo.push(() => (owner[name] = own));
  };
  const lasting = (target) => [window, document, document.documentElement, document.body]
    .includes(target) || target instanceof MediaQueryList;
  const ids = new Map();
  const id = (thing) => ids.get(thing) ?? ids.set(thing, ids.size).get(thing);
  const key = (target, type, call) => `${id(target)} ${type} ${id(call)}`;
  wrap(EventTarget.prototype, "addEventListener", (own) => function (type, call, ...rest) {
    if (lasting(this ?? window)) begin(key(this, type, call), `listener for ${type}`);
    return own.call(this ?? window, type, call, ...rest);
  });
  wrap(EventTarget.prototype, "removeEventListener", (own) => function (type, call, ...rest) {
    open.delete(key(this, type, call));
    return own.call(this ?? window, type, call, ...rest);
  });
  const timed = (start, end, once) => {
    wrap(window, start, (own) => (call, ...rest) => {
      const number = own.call(window, (...told) => {
        if (once) open.delete(`${start} ${number}`);
        call(...told);
      }, ...rest);
      begin(`${start} ${number}`, start);
      return number;
    });
    wrap(window, end, (own) => (number) => {
      open.delete(`${start} ${number}`);
      own.call(window, number);
    });
  };
  timed("setTimeout", "clearTimeout", true);
  timed("setInterval", "clearInterval", false);
  timed("requestAnimationFrame", "cancelAnimationFrame", true);
  wrap(URL, "createObjectURL", (own) => (blob) => {
    const url = own.call(URL, blob);
    begin(url, "Blob URL");
    return url;
  });
  wrap(URL, "revokeObjectURL", (own) => (url) => {
    open.delete(url);
    own.call(URL, url);
  });
  wrap(Worker.prototype, "postMessage", (own) => function (...rest) {
    begin(`worker ${id(this)}`, "Worker");
    return own.apply(this, rest);
  });
  wrap(Worker.prototype, "terminate", (own) => function () {
    open.delete(`worker ${id(this)}`);
    return own.call(this);
  });
  for (const kind of [ResizeObserver, MutationObserver, IntersectionObserver]) {
    wrap(kind.prototype, "observe", (own) => function (...rest) {
      begin(`observer ${id(this)}`, kind.name);
      return own.apply(this, rest);
    });
    wrap(kind.prototype, "disconnect", (own) => function () {
      open.delete(`observer ${id(this)}`);
      return own.call(this);
    });
  }
  const values = {};
  const calls = new Map();
  const model = {
    get: (name) => (name in values ? values[name] : page.get(name)),
    set: (name, value) => {
      values[name] = value;
      [...(calls.get(`change:${name}`) ?? [])].forEach((call) => call());
    },
    on: (event, call) => {
      calls.set(event, (calls.get(event) ?? new Set()).add(call));
      begin(`model ${event} ${id(call)}`, `model.on ${event}`);
    },
    off: (event, call) => {
      calls.get(event)?.delete(call);
      open.delete(`model ${event} ${id(call)}`);
    },
    save_changes: () => {},
    send: () => {},
  };
  const el = document.createElement("div");
  figure.append(el);
  try {
    const stop = await module.default.render({ model, el });
    if (pause) await new Promise((done) => window.vaelibWait(done, 200));
    for (const input of el.querySelectorAll("input[type=range]")) {
      input.value = input.min;
      input.dispatchEvent(new Event("input"));
      input.value = (Number(input.min) + Number(input.max)) / 2;
      input.dispatchEvent(new Event("input"));
    }
    for (const node of el.querySelectorAll("canvas[tabindex]")) {
      node.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    }
    for (const button of el.querySelectorAll("button")) button.click();
    for (let turn = 0; pause && turn < 50; turn++) { // a busy machine needs more turns
      await new Promise((done) => window.vaelibWait(done, 200));
      if (wanted.every((what) => begun.has(what))) break;
    }
    stop();
    return { begun: [...begun], left: [...open.values()] };
  } finally {
    el.remove();
    undo.forEach((each) => each());
  }
}"""


@pytest.mark.parametrize(("page", "name"), PLACES, ids=[name for _, name in PLACES])
def test_a_closed_widget_leaves_nothing_behind(browser, server, page, name):
    with Visit(browser, server) as visit:
        wait = "window.vaelibWait = setTimeout.bind(window)"  # not counted
        visit.page.add_init_script(wait)
        figure = ready_widget(visit.open(page), name)
        drawn = figure.locator("canvas").count() > 0
        wanted = ["requestAnimationFrame", "setTimeout", "ResizeObserver"] if drawn else []
        for pause in (False, True):  # closed at once, and while it speaks
            told = figure.evaluate(LEFT, [pause, wanted])
            assert told["left"] == []
        assert told["begun"]
        assert name != "Playground" or "Worker" in told["begun"]
        assert set(wanted) <= set(told["begun"])
        assert visit.problems == []


def test_a_page_gives_back_the_address_of_each_module(browser, server):
    page, name = PLACES[0]
    count = """window.blobs = new Set();
      URL.createObjectURL = (own => blob => {
        const url = own.call(URL, blob);
        blobs.add(url);
        return url;
      })(URL.createObjectURL);
      URL.revokeObjectURL = (own => url => {
        blobs.delete(url);
        own.call(URL, url);
      })(URL.revokeObjectURL);"""
    with Visit(browser, server) as visit:
        visit.page.add_init_script(count)
        ready_widget(visit.open(page), name)
        assert visit.page.evaluate("blobs.size") == 0
