/**
 * The two loops in which training spends its time, in WebAssembly, whose vectors hold four numbers.
 *
 * A module is made from a text of instructions for WebAssembly's stack machine. A name puts the
 * value of a local on the stack and `=name` takes one off; a number is a constant. The other words
 * are instructions, whose bytes are in `instructionBytes`. Where a browser has no such module,
 * playground_layers.js has the same loops in JavaScript.
 */

/** The bytes of each instruction, as the standard numbers them; loads and stores are aligned. */
export function instructionBytes() {
  return {
    loop: [0x03, 0x40],
    again: [0x0d, 0], // br_if to the innermost loop
    end: [0x0b],
    "i32.load": [0x28, 2, 0],
    "f32.store": [0x38, 2, 0],
    "<": [0x49],
    "+": [0x6a],
    "-": [0x6b],
    "*": [0x6c],
    "v.load": [0xfd, 0x00, 2, 0],
    "v.store": [0xfd, 0x0b, 2, 0],
    "v.zero": [0xfd, 0x0c, ...new Array(16).fill(0)],
    "d.load": [0xfd, 0x5d, 2, 0, 0xfd, 0x5f], // two numbers, as doubles
    "d.repeat": [0xfd, 0x09, 2, 0, 0xfd, 0x5f], // one number, twice
    "d.store": [0xfd, 0x5e, 0xfd, 0x5b, 2, 0, 0],
    "d+": [0xfd, 0xf0, 1],
    "d*": [0xfd, 0xf2, 1],
    "v+": [0xfd, 0xe4, 1],
    "v*": [0xfd, 0xe6, 1],
    lane0: [0xfd, 0x1f, 0],
    lane1: [0xfd, 0x1f, 1],
    lane2: [0xfd, 0x1f, 2],
    lane3: [0xfd, 0x1f, 3],
    "f+": [0x92],
  };
}

/** The same text for each of some rows: K is the row's number, Q four times as much. */
export function forRows(count, text) {
  const rows = Array.from({ length: count }, (_, k) => k);
  return rows.map((k) => text.replaceAll("K", `${k}`).replaceAll("Q", `${4 * k}`)).join(" ");
}

/**
 * As `addRows` of playground_layers.js: places in bytes, count a multiple of 8 and not 0. Eight
 * products are added up as doubles, so that the sum is rounded once.
 */
export function addRowsText() {
  return `loop
    ${forRows(8, "rows Q + i32.load width * matrix + =rK  factors Q + d.repeat =fK")}
    target =at
    loop
      at  at d.load ${forRows(8, "fK rK d.load d* d+")}  d.store
      ${forRows(8, "rK 8 + =rK")}
      at 8 + =at
      at target width + < again
    end
    rows 32 + =rows  factors 32 + =factors  count 8 - =count
    0 count < again
  end`;
}

/**
 * As `dotRows`, likewise, but of four rows: each sum is made in four parts, which are added up in the
 * end.
 */
export function dotRowsText() {
  return `loop
    ${forRows(4, "rows Q + i32.load width * matrix + =rK  v.zero =fK")}
    values =at
    loop
      ${forRows(4, "fK at v.load rK v.load v* v+ =fK  rK 16 + =rK")}
      at 16 + =at
      at values width + < again
    end
    ${forRows(
      4,
      `rows Q + i32.load 4 * target +
      fK lane0 fK lane1 f+ fK lane2 f+ fK lane3 f+ f32.store`,
    )}
    rows 16 + =rows  count 4 - =count
    0 count < again
  end`;
}

/** Bytes after their number, as a module has its lists; a number takes two bytes from 128 on. */
export function counted(bytes) {
  const count = bytes.length;
  return [...(count < 128 ? [count] : [(count & 127) | 128, count >> 7]), ...bytes];
}

/** A function's code: its parameters come first among the locals, then r0 to r7, `at`, f0 to f7. */
export function codeOf(text, parameters) {
  const own = `${forRows(8, "rK")} at ${forRows(8, "fK")}`;
  const locals = [...parameters, ...own.split(" ")];
  const instructions = instructionBytes();
  const bytes = text.match(/\S+/g).flatMap((word) => {
    if (locals.includes(word)) return [0x20, locals.indexOf(word)];
    if (word[0] === "=") return [0x21, locals.indexOf(word.slice(1))];
    return instructions[word] ?? [0x41, Number(word)];
  });
  const declared = [2, 9, 0x7f, 8, 0x7b]; // two kinds of own locals: nine i32, eight v128
  return counted([...declared, ...bytes, 0x0b]);
}

/** The module: two functions of six i32 each, and a memory that it is given. */
export function moduleBytes() {
  const six = [0x60, 6, ...new Array(6).fill(0x7f), 0]; // six i32 and no result
  const name = (text) => counted([...text].map((letter) => letter.charCodeAt(0)));
  const codes = [
    codeOf(addRowsText(), ["target", "width", "matrix", "rows", "factors", "count"]),
    codeOf(dotRowsText(), ["target", "width", "values", "matrix", "rows", "count"]),
  ];
  const sections = [
    [1, [1, ...six]], // types
    [2, [1, ...name("page"), ...name("memory"), 2, 0, 1]], // imports: a memory of a page or more
    [3, [2, 0, 0]], // functions, by their types
    [7, [2, ...name("addRows"), 0, 0, ...name("dotRows"), 0, 1]], // exports
    [10, [2, ...codes.flat()]],
  ];
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]; // "\0asm", version 1
  const bytes = sections.flatMap(([kind, content]) => [kind, ...counted(content)]);
  return Uint8Array.from([...header, ...bytes]);
}

/**
 * A memory of so many bytes, and the two functions that work in it; null without WebAssembly or its
 * vectors, or where the page's policy forbids it.
 * @returns {{buffer: ArrayBuffer, addRows: Function, dotRows: Function} | null}
 */
export function newKernels(size) {
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65536) });
    const module = new WebAssembly.Module(moduleBytes());
    const { exports } = new WebAssembly.Instance(module, { page: { memory } });
    const { addRows, dotRows } = /** @type {Record<string, any>} */ (exports);
    return { buffer: memory.buffer, addRows, dotRows };
  } catch {
    return null;
  }
}

/** All functions of this file: a worker is made from their text. */
export const KERNELS = [
  instructionBytes,
  forRows,
  addRowsText,
  dotRowsText,
  counted,
  codeOf,
  moduleBytes,
  newKernels,
];
