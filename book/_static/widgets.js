/**
 * Starts the widgets of a page without a kernel.
 *
 * Each stands in a <figure class="vae-widget" data-widget="Name"> with a still picture, a sentence
 * and its state as JSON. When the reader comes near, this script loads the widget's module and the
 * networks that it names, as classic scripts (a page opened as a file may load nothing else), gives
 * the module a model like that of Jupyter, and lets it draw. If that fails, the picture stays and
 * the sentence says why.
 */
(function () {
  const own = /** @type {HTMLScriptElement} */ (document.currentScript);
  const home = new URL("widgets/", own.src);
  const shelf = (window.vaelib = { modules: {}, parts: {}, networks: {}, data: {} }); // scripts fill it
  const loading = new Map();

  /** Loads a script once. */
  function load(file) {
    if (!loading.has(file)) {
      loading.set(
        file,
        new Promise((resolve, reject) => {
          const script = document.createElement("script");
          script.src = new URL(file, home).href;
          script.onload = resolve;
          script.onerror = () => {
            loading.delete(file); // it may be there when it is asked for again
            reject(new Error(`the file ${file} is missing`));
          };
          document.head.append(script);
        }),
      );
    }
    return loading.get(file);
  }

  const modules = new Map();

  /** Joins the parts of a widget, which others share, to a module that imports nothing. */
  async function join(name) {
    await load(`${name}.js`);
    const parts = shelf.modules[name];
    await Promise.all(parts.map(load));
    const texts = parts.map((part) => `${shelf.parts[part]}\n`);
    const address = URL.createObjectURL(new Blob(texts, { type: "text/javascript" }));
    return import(address).finally(() => URL.revokeObjectURL(address));
  }

  /** The module of a widget, imported once. */
  function moduleOf(name) {
    if (!modules.has(name)) modules.set(name, join(name));
    return modules.get(name);
  }

  /** Bytes from base64 of a zlib stream; one that is damaged fails its checksum and throws. */
  async function inflate(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** A network's weights are stored as all low bytes, then all high bytes. */
  function interleave(planes) {
    const half = planes.length / 2;
    const bytes = new Uint8Array(planes.length);
    for (let i = 0; i < half; i += 1) {
      bytes[2 * i] = planes[i];
      bytes[2 * i + 1] = planes[half + i];
    }
    return bytes;
  }

  /** A network by its digest, checked down to the last bit. */
  async function networkOf(digest) {
    await load(`${digest}.js`);
    try {
      const { layers, planes } = shelf.networks[digest];
      const text = new TextDecoder().decode(await inflate(layers));
      return {
        layers: JSON.parse(text),
        data: new DataView(interleave(await inflate(planes)).buffer),
      };
    } catch {
      throw new Error(`the file ${digest}.js is damaged`);
    }
  }

  /** A trait's value as a module in Jupyter would get it. */
  async function valueOf(stored) {
    if (stored?.network !== undefined) return networkOf(stored.network);
    if (stored?.deflated === undefined) return stored;
    const data = inflate(stored.deflated).catch(() => {
      throw new Error("its data on this page is damaged");
    });
    return new DataView((await data).buffer);
  }

  /** Data for which a widget asks once it runs, from a file of its own. */
  async function dataOf(name) {
    await load(`${name}.js`);
    const bytes = inflate(shelf.data[name]).catch(() => {
      throw new Error(`the file ${name}.js is damaged`);
    });
    return new DataView((await bytes).buffer);
  }

  /**
   * What anywidget gives a module in Jupyter, without a kernel behind it. Python would answer a
   * message with the data that it asks for; here they come from a file, or the reason why not.
   */
  function modelOf(state) {
    const listeners = new EventTarget();
    const wrapped = new Map();
    const tell = (...told) =>
      listeners.dispatchEvent(new CustomEvent("msg:custom", { detail: told }));
    return {
      get: (name) => state[name],
      set(name, value) {
        state[name] = value;
        listeners.dispatchEvent(new Event(`change:${name}`));
      },
      on(event, callback) {
        const call = ({ detail }) => callback(...(detail ?? []));
        wrapped.set(callback, wrapped.get(callback) ?? call);
        listeners.addEventListener(event, wrapped.get(callback));
      },
      off: (event, callback) => listeners.removeEventListener(event, wrapped.get(callback)),
      save_changes() {},
      send({ wanted }) {
        dataOf(wanted).then(
          (data) => tell({ wanted }, [data]),
          (error) => tell({ wanted, problem: error.message }, []),
        );
      },
    };
  }

  async function start(figure) {
    const stored = JSON.parse(figure.querySelector("script").textContent);
    const names = Object.keys(stored);
    const [module, ...values] = await Promise.all([
      moduleOf(figure.dataset.widget),
      ...names.map((name) => valueOf(stored[name])),
    ]);
    const model = modelOf(Object.fromEntries(names.map((name, i) => [name, values[i]])));
    const el = document.createElement("div");
    const bottom = bottomOf(figure);
    figure.append(el); // in the page first, for a module measures what it draws on
    try {
      await module.default.render({ model, el });
    } catch (error) {
      el.remove();
      throw error;
    }
    figure.vaelib = { model, module };
    figure.dataset.ready = "";
    if (bottom < scrollY) await keepPlace(figure, bottom);
  }

  /** Where a figure ends on the page. */
  function bottomOf(figure) {
    return figure.getBoundingClientRect().bottom + scrollY;
  }

  /** The text that is read stays where it is when a figure above it changes its height. */
  async function keepPlace(figure, bottom) {
    if (CSS.supports("overflow-anchor", "auto")) return; // the browser sees to it
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    scrollBy({ top: bottomOf(figure) - bottom, behavior: "instant" }); // all is drawn and written
  }

  function fail(figure, error) {
    figure.dataset.ready = "failed";
    const note = figure.querySelector(".vae-note");
    note.textContent = `This widget could not start: ${error.message}. The picture shows how it begins.`;
    note.setAttribute("role", "alert");
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        start(target).catch((error) => fail(target, error));
      }
    },
    { rootMargin: "600px" },
  );

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("figure[data-widget]").forEach((figure) => near.observe(figure));
  });
})();
