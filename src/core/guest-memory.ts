// The memory of another wasm module, a guest of an adapter: every access is checked, because addresses come from it.
//
// Verbs: has, copy, bytes, u8 … u64, set…. Addresses are taken modulo 2^32, as wasm hands them over signed.
// Invariant: nothing outside the memory is touched, and no sum of address and length wraps.

/** The guest named an address that lies outside its memory. */
export class GuestFault extends Error {
  override readonly name = 'GuestFault';
}

export class GuestMemory {
  readonly #find: () => WebAssembly.Memory;
  #bytes = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);

  /** A memory, or where to find it once the module has been instantiated. */
  constructor(memory: WebAssembly.Memory | (() => WebAssembly.Memory)) {
    this.#find = typeof memory === 'function' ? memory : () => memory;
  }

  #all(): Uint8Array {
    const { buffer } = this.#find();
    if (this.#bytes.buffer !== buffer) {
      this.#bytes = new Uint8Array(buffer);
      this.#view = new DataView(buffer);
    }
    return this.#bytes;
  }

  /** True when [address, address + length) lies inside. */
  has(address: number, length: number): boolean {
    return length <= this.#all().length - (address >>> 0);
  }

  #at(address: number, length: number): number {
    if (!this.has(address, length)) throw new GuestFault(`${length} bytes at ${address >>> 0}`);
    return address >>> 0;
  }

  /** A view; it is good until the guest runs again. Throws GuestFault, as all below. */
  bytes(address: number, length: number): Uint8Array {
    const start = this.#at(address, length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A copy, with a view to read numbers at any offset. */
  copy(address: number, length: number): DataView<ArrayBuffer> {
    return new DataView(Uint8Array.from(this.bytes(address, length)).buffer);
  }

  /** A view for one access: the memory may have grown since the last. */
  #viewOf(address: number, length: number): [DataView, number] {
    const at = this.#at(address, length);
    return [this.#view, at];
  }

  u8(address: number): number {
    const [view, at] = this.#viewOf(address, 1);
    return view.getUint8(at);
  }

  u16(address: number): number {
    const [view, at] = this.#viewOf(address, 2);
    return view.getUint16(at, true);
  }

  u32(address: number): number {
    const [view, at] = this.#viewOf(address, 4);
    return view.getUint32(at, true);
  }

  u64(address: number): bigint {
    const [view, at] = this.#viewOf(address, 8);
    return view.getBigUint64(at, true);
  }

  setU8(address: number, value: number): void {
    const [view, at] = this.#viewOf(address, 1);
    view.setUint8(at, value);
  }

  setU16(address: number, value: number): void {
    const [view, at] = this.#viewOf(address, 2);
    view.setUint16(at, value, true);
  }

  setU32(address: number, value: number): void {
    const [view, at] = this.#viewOf(address, 4);
    view.setUint32(at, value, true);
  }

  setU64(address: number, value: bigint): void {
    const [view, at] = this.#viewOf(address, 8);
    view.setBigUint64(at, value, true);
  }
}
