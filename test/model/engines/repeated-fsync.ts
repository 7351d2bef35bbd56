// A log that tries a failed fsync again, on a drive whose first flush fails. The mistake: the second fsync has nothing to write and says 0, and what the
// first should have made durable is not. The twin writes the record again before it syncs again.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen, readRecords, record } from './specimen.ts';

const PATH = '/log';

class Log {
  readonly #fs: NodeFs;
  readonly #fd: number;
  readonly #isRepaired: boolean;
  #size = 0;

  constructor(fs: NodeFs, isRepaired: boolean) {
    this.#fs = fs;
    this.#fd = fs.openSync(PATH, 'r+');
    this.#isRepaired = isRepaired;
  }

  append(text: string): void {
    const bytes = record(text);
    this.#fs.writeSync(this.#fd, bytes, this.#size);
    try {
      this.#fs.fdatasyncSync(this.#fd);
    } catch {
      if (this.#isRepaired) this.#fs.writeSync(this.#fd, bytes, this.#size);
      this.#fs.fdatasyncSync(this.#fd);
    }
    this.#size += bytes.length;
  }
}

export const repeatedFsync: FileSpecimen = {
  name: 'repeated fsync',
  mistake: 'trusts an fsync after one that failed',
  level: 'files',
  profiles: ['strict', 'ordered', 'alice'],
  options: { drive: { size: '1MiB', faults: ['failedFlush times=once'] } },
  expected: {
    missing: [/write\('\/log', \d+ bytes at 0\)/],
    present: [],
    isLost: true,
    needsTearing: false,
    proof: 'an fsync of /log',
  },
  engine: (isRepaired) => ({
    setup: ({ fs }) => fs.writeFileSync(PATH, '\0'.repeat(512)),
    workload({ fs, ack }) {
      const log = new Log(fs, isRepaired);
      log.append('a');
      ack('a');
    },
    recover({ fs, must, may }) {
      checkHistory(readRecords(fs.readFileSync(PATH, 'utf8')).join(''), '', { must, may });
    },
  }),
};
