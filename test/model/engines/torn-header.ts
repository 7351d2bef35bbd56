// A database whose header of two sectors says what it holds. The mistake: it is overwritten in place. The twin has two copies in turn, with a number and a
// checksum: the newest that is whole counts.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen, readRecords, record, textOf } from './specimen.ts';

const PATH = '/database';
const HEADER_BYTES = 1024;

/** A name in the first sector and the same in the second, as a header has fields everywhere. */
function header(number: number, name: string): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(new TextEncoder().encode(record(`${number} ${name.padEnd(600, '.')} ${name}`)));
  return bytes;
}

class Database {
  readonly #fs: NodeFs;
  readonly #isRepaired: boolean;
  #number = 0;

  constructor(fs: NodeFs, isRepaired: boolean) {
    this.#fs = fs;
    this.#isRepaired = isRepaired;
  }

  writeHeader(name: string): void {
    const number = ++this.#number;
    const place = this.#isRepaired ? (number % 2) * HEADER_BYTES : 0;
    const fd = this.#fs.openSync(PATH, 'r+');
    this.#fs.writeSync(fd, header(number, name), 0, HEADER_BYTES, place);
    this.#fs.fsyncSync(fd);
    this.#fs.closeSync(fd);
  }

  readName(): string {
    const bytes = this.#fs.readFileSync(PATH);
    const headers = [bytes.subarray(0, HEADER_BYTES), bytes.subarray(HEADER_BYTES)].flatMap((copy) => {
      const text = textOf(copy);
      const whole = this.#isRepaired ? readRecords(text) : text.split('\n').map((line) => line.slice(9));
      return whole.slice(0, 1).filter((line) => line !== '');
    });
    const fields = headers.map((line) => line.split(' '));
    const [newest] = fields.sort((one, other) => Number(other[0]) - Number(one[0]));
    if (newest === undefined) return '';
    const [, name = '', again] = newest;
    if (name.replace(/\.+$/, '') !== again) throw new Error('the header does not agree with itself');
    return again;
  }
}

export const tornHeader: FileSpecimen = {
  name: 'torn header',
  mistake: 'overwrites a header of two sectors in place',
  level: 'files',
  profiles: ['strict', 'ordered', 'alice'],
  expected: {
    missing: [/write\('\/database', 1024 bytes at 0\)/],
    present: [],
    isLost: false,
    needsTearing: true,
  },
  engine: (isRepaired) => ({
    setup: ({ fs }) => fs.writeFileSync(PATH, new Uint8Array(2 * HEADER_BYTES)),
    workload({ fs, ack }) {
      const database = new Database(fs, isRepaired);
      for (const name of ['first', 'second', 'third']) {
        database.writeHeader(name);
        ack(name);
      }
    },
    recover({ fs, must, may }) {
      checkHistory(new Database(fs, isRepaired).readName(), '', { must, may });
    },
  }),
};
