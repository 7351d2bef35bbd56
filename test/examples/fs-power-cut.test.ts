// The power fails under a small store that keeps its records in one file, written for node:fs: with fsync every record that
// it has acknowledged is there again, without it none has to be.
//
// The store is what a user has; the rest is what a user writes to try it.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeFs, nodeFs } from '../../src/adapters/node-fs.ts';
import { Machine, type SparseMemory } from '../../src/index.ts';

/** Appends a line for each record; `isDurable`: it is acknowledged only when it can not be lost. */
class Store {
  readonly #fd: number;
  constructor(
    readonly fs: NodeFs,
    readonly isDurable: boolean,
  ) {
    fs.mkdirSync('/store', { recursive: true });
    this.#fd = fs.openSync('/store/log', 'a+');
    if (isDurable) for (const folder of ['/', '/store']) this.#sync(fs.openSync(folder, 'r'));
  }

  put(record: string): void {
    this.fs.writeSync(this.#fd, `${record}\n`);
    if (this.isDurable) this.fs.fsyncSync(this.#fd);
  }

  /** A torn last line is no record. */
  records(): string[] {
    return this.fs.readFileSync('/store/log', 'utf8').split('\n').slice(0, -1);
  }

  #sync(fd: number): void {
    this.fs.fsyncSync(fd);
    this.fs.closeSync(fd);
  }
}

const open = (memory?: SparseMemory): Promise<Machine> =>
  Machine.create({ drives: [memory === undefined ? { size: '8MiB' } : { memory }], volume: true });

const RECORDS = Array.from({ length: 50 }, (_, index) => `record ${index}`);

/** The records that a store finds after the power has failed behind the last of RECORDS. */
async function afterPowerCut(isDurable: boolean, keep: 'none' | 'all'): Promise<string[]> {
  const machine = await open();
  const store = new Store(nodeFs(machine), isDurable);
  for (const record of RECORDS) store.put(record);
  machine.cutPower({ keep });
  const reopened = await open(machine.memory());
  assert.equal(reopened.fs.check(), []);
  return new Store(nodeFs(reopened), isDurable).records();
}

const example = suite('power cut below node:fs');

example('what the store has acknowledged after fsync is there', async () => {
  for (const keep of ['none', 'all'] as const) assert.equal(await afterPowerCut(true, keep), RECORDS);
});

example('without fsync the records are gone, though every write has returned', async () => {
  for (const keep of ['none', 'all'] as const) assert.equal(await afterPowerCut(false, keep), []);
});

example('a file that replaces another by rename is the old one or the new one, never torn', async () => {
  const machine = await open();
  const fs = nodeFs(machine);
  fs.writeFileSync('/config', 'old', { flush: true });
  fs.writeFileSync('/config.new', 'new', { flush: true });
  fs.renameSync('/config.new', '/config');
  machine.cutPower();

  const again = await open(machine.memory());
  const after = nodeFs(again);
  assert.is(after.readFileSync('/config', 'utf8'), 'old', 'the rename was in memory only');
  after.renameSync('/config.new', '/config');
  after.fsyncSync(after.openSync('/', 'r'));
  again.cutPower();

  const last = await open(again.memory());
  assert.is(nodeFs(last).readFileSync('/config', 'utf8'), 'new');
  assert.equal(last.fs.check(), []);
});

example.run();
