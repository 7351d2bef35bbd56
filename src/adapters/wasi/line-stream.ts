// What a guest prints, cut into lines.
//
// Verbs: LineStream.write, end.

/** Cuts what is printed into lines. */
export class LineStream {
  readonly #take: ((line: string) => void) | undefined;
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(take: ((line: string) => void) | undefined) {
    this.#take = take;
  }

  write(bytes: Uint8Array): void {
    // a copy: shared memory can not be decoded in place
    const lines = (this.#rest + this.#decoder.decode(bytes.slice(), { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take?.(line);
  }

  /** A last line without an end. */
  end(): void {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = '';
    if (rest !== '') this.#take?.(rest);
  }
}
