// Device and file names met in a trace, numbered in the order of their first appearance.
//
// Verbs: find (number of a name, adding it when new). An open-addressing table keyed by the raw bytes, so a
// known name costs no string; the name of the row before is tried first, because most traces repeat it.
// Invariant: names[i] never changes once given; at most `capacity` names.

/** What `find` returns when the name is new and the table is full. */
export const NO_ROOM = -1;
const FREE = -1;

/** Names as bytes → 0, 1, 2, … */
export class NameTable {
  readonly names: string[] = [];
  readonly #capacity: number;
  readonly #label: (key: string) => string;
  readonly #keys: Uint8Array[] = [];
  readonly #slots: Int32Array;
  #last = FREE;

  /** `label` turns the raw bytes, read as UTF-8, into the name that people see. */
  constructor(capacity: number, label: (key: string) => string = (key) => key) {
    this.#capacity = capacity;
    this.#label = label;
    let slotCount = 16;
    while (slotCount < capacity * 2) slotCount *= 2;
    this.#slots = new Int32Array(slotCount).fill(FREE);
  }

  /** Number of the name in bytes[start, end), or NO_ROOM. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const last = this.#last;
    if (last !== FREE && isSame(this.#keys[last]!, bytes, start, end)) return last;
    const mask = this.#slots.length - 1;
    let slot = hash(bytes, start, end) & mask;
    for (;;) {
      const index = this.#slots[slot]!;
      if (index === FREE) return this.#add(slot, bytes, start, end);
      if (isSame(this.#keys[index]!, bytes, start, end)) {
        this.#last = index;
        return index;
      }
      slot = (slot + 1) & mask;
    }
  }

  #add(slot: number, bytes: Uint8Array, start: number, end: number): number {
    const index = this.names.length;
    if (index === this.#capacity) return NO_ROOM;
    const key = bytes.slice(start, end);
    this.#keys.push(key);
    this.names.push(this.#label(printable(key)));
    this.#slots[slot] = index;
    this.#last = index;
    return index;
  }
}

function isSame(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let index = 0; index < key.length; index++) {
    if (key[index] !== bytes[start + index]) return false;
  }
  return true;
}

/** FNV-1a, 32 bits. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let position = start; position < end; position++) {
    value = Math.imul(value ^ bytes[position]!, 0x01000193);
  }
  return value ^ (value >>> 15);
}

/** Names end up in reports and on terminals: no control character passes. */
function printable(key: Uint8Array): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  return new TextDecoder().decode(key).replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
