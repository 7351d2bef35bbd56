// A hash over what a run did: two lanes of 32 bits, the same on every machine. It tells runs apart; it guards against nobody.
//
// Verbs: LogHash: addText, addBytes, digits.

const PRIMES = [0x01000193, 0x85ebca6b] as const;

export class LogHash {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  #add(value: number): void {
    this.#low = Math.imul(this.#low ^ value, PRIMES[0]);
    const high = Math.imul(this.#high ^ value, PRIMES[1]);
    this.#high = (high << 13) | (high >>> 19);
  }

  addText(text: string): void {
    this.#add(text.length);
    for (let index = 0; index < text.length; index++) this.#add(text.charCodeAt(index));
  }

  addBytes(bytes: Uint8Array): void {
    this.#add(bytes.length);
    for (let index = 0; index < bytes.length; index++) this.#add(bytes[index] as number);
  }

  /** 16 hexadecimal digits. */
  get digits(): string {
    const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }
}
