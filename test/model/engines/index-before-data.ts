// Blobs in one file, and an index of where they are in another. The mistake: both are written and then synced, so that the index may name a
// blob that is not there.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen, readRecords, record } from './specimen.ts';

const BLOBS = '/blobs';
const INDEX = '/index';

class Blobs {
  readonly #fs: NodeFs;
  readonly #blobs: number;
  readonly #index: number;
  readonly #isRepaired: boolean;

  constructor(fs: NodeFs, isRepaired: boolean) {
    this.#fs = fs;
    this.#blobs = fs.openSync(BLOBS, 'a+');
    this.#index = fs.openSync(INDEX, 'a+');
    this.#isRepaired = isRepaired;
  }

  put(text: string): void {
    const { size } = this.#fs.fstatSync(this.#blobs);
    this.#fs.writeSync(this.#blobs, text);
    if (this.#isRepaired) this.#fs.fsyncSync(this.#blobs);
    this.#fs.writeSync(this.#index, record(`${size} ${text.length}`));
    if (!this.#isRepaired) this.#fs.fsyncSync(this.#blobs);
    this.#fs.fsyncSync(this.#index);
  }

  all(): string[] {
    const blobs = this.#fs.readFileSync(BLOBS, 'latin1');
    return readRecords(this.#fs.readFileSync(INDEX, 'utf8')).map((place) => {
      const [offset, length] = place.split(' ').map(Number) as [number, number];
      const blob = blobs.slice(offset, offset + length);
      if (!/^[a-z]+$/.test(blob) || blob.length < length)
        throw new Error(`the blob at ${offset} is not there`);
      return blob;
    });
  }
}

export const indexBeforeData: FileSpecimen = {
  name: 'index before data',
  mistake: 'no fsync of the data before the index names them',
  level: 'files',
  profiles: ['strict', 'ordered', 'alice'],
  expected: {
    missing: [/write\('\/blobs', 3 bytes at \d+\)/],
    present: [/write\('\/index', \d+ bytes at \d+\)/],
    isLost: false,
    needsTearing: false,
    proof: 'an fsync of /blobs',
  },
  engine: (isRepaired) => ({
    setup({ fs }) {
      fs.writeFileSync(BLOBS, '');
      fs.writeFileSync(INDEX, '');
    },
    workload({ fs, ack }) {
      const blobs = new Blobs(fs, isRepaired);
      let state = '';
      for (const text of ['abc', 'def']) {
        blobs.put(text);
        state += text;
        ack(state);
      }
    },
    recover({ fs, must, may }) {
      checkHistory(new Blobs(fs, isRepaired).all().join(''), '', { must, may });
    },
  }),
};
