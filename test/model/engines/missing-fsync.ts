// A store that appends each record to one file. The mistake: it is acknowledged without an fsync.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen, readRecords, record } from './specimen.ts';

const PATH = '/records';

class Records {
  readonly #fs: NodeFs;
  readonly #fd: number;
  readonly #isRepaired: boolean;

  constructor(fs: NodeFs, isRepaired: boolean) {
    this.#fs = fs;
    this.#fd = fs.openSync(PATH, 'a');
    this.#isRepaired = isRepaired;
  }

  append(text: string): void {
    this.#fs.writeSync(this.#fd, record(text));
    if (this.#isRepaired) this.#fs.fsyncSync(this.#fd);
  }
}

export const missingFsync: FileSpecimen = {
  name: 'missing fsync',
  mistake: 'acknowledges an append without an fsync',
  level: 'files',
  profiles: ['strict', 'ordered', 'alice'],
  expected: {
    missing: [/write\('\/records', \d+ bytes at \d+\)/],
    present: [],
    isLost: true,
    needsTearing: false,
  },
  engine: (isRepaired) => ({
    setup: ({ fs }) => fs.writeFileSync(PATH, ''),
    workload({ fs, ack }) {
      const records = new Records(fs, isRepaired);
      let state = '';
      for (const text of ['a', 'b', 'c']) {
        records.append(text);
        state += text;
        ack(state);
      }
    },
    recover({ fs, must, may }) {
      checkHistory(readRecords(fs.readFileSync(PATH, 'utf8')).join(''), '', { must, may });
    },
  }),
};
