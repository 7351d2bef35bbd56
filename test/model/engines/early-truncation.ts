// A write-ahead log and the table that it is for. The mistake: at a checkpoint the log is emptied before the table is synced.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen, readRecords, record } from './specimen.ts';

const LOG = '/wal';
const TABLE = '/table';

class Table {
  readonly #fs: NodeFs;
  readonly #isRepaired: boolean;

  constructor(fs: NodeFs, isRepaired: boolean) {
    this.#fs = fs;
    this.#isRepaired = isRepaired;
  }

  put(text: string): void {
    this.#with(LOG, (fd) => {
      this.#fs.writeSync(fd, record(text), 0);
      this.#fs.fsyncSync(fd);
    });
  }

  checkpoint(text: string): void {
    this.#with(TABLE, (table) => {
      this.#fs.writeSync(table, record(text), 0);
      if (this.#isRepaired) this.#fs.fsyncSync(table);
      this.#with(LOG, (log) => this.#fs.ftruncateSync(log, 0));
      if (!this.#isRepaired) this.#fs.fsyncSync(table);
    });
  }

  #with(path: string, use: (fd: number) => void): void {
    const fd = this.#fs.openSync(path, 'r+');
    use(fd);
    this.#fs.closeSync(fd);
  }

  read(): string {
    const [logged] = readRecords(this.#fs.readFileSync(LOG, 'utf8'));
    if (logged !== undefined) return logged;
    const [text] = readRecords(this.#fs.readFileSync(TABLE, 'utf8'));
    if (text === undefined) throw new Error('the log is empty, and the table is damaged');
    return text;
  }
}

export const earlyTruncation: FileSpecimen = {
  name: 'early truncation',
  mistake: 'empties the log before the table is synced',
  level: 'files',
  profiles: ['strict', 'ordered', 'alice'],
  expected: {
    missing: [/write\('\/table', \d+ bytes at 0\)/],
    present: [/ftruncate\('\/wal'/],
    isLost: true,
    needsTearing: false,
    proof: 'an fsync of /table',
  },
  engine: (isRepaired) => ({
    setup({ fs }) {
      fs.writeFileSync(TABLE, record('old'));
      fs.writeFileSync(LOG, '');
    },
    workload({ fs, ack }) {
      const table = new Table(fs, isRepaired);
      table.put('new');
      ack('new');
      table.checkpoint('new');
    },
    recover({ fs, must, may }) {
      checkHistory(new Table(fs, isRepaired).read(), 'old', { must, may });
    },
  }),
};
