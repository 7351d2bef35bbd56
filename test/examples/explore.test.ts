// Does my store survive a power cut? explore() tries every one: the store is what a user has, workload and recover are what a user writes.
//
// The store keeps one key in a file of its own and replaces it by rename, as many programs do. Its first version forgets an fsync.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore, type NodeFs } from '../../src/index.ts';

/** Writes a new file beside the old one and renames it over it. */
class Store {
  constructor(
    readonly fs: NodeFs,
    readonly isCareful: boolean,
  ) {}

  set(value: string): void {
    const { fs } = this;
    const fd = fs.openSync('/value.new', 'w');
    fs.writeSync(fd, value);
    if (this.isCareful) fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync('/value.new', '/value');
    this.#syncFolder();
  }

  get(): string | undefined {
    return this.fs.existsSync('/value') ? this.fs.readFileSync('/value', 'utf8') : undefined;
  }

  #syncFolder(): void {
    const fd = this.fs.openSync('/', 'r');
    this.fs.fsyncSync(fd);
    this.fs.closeSync(fd);
  }
}

const run = (isCareful: boolean) =>
  explore<string>({
    workload({ fs, ack }) {
      const store = new Store(fs, isCareful);
      for (const value of ['Ada owes 10', 'Ada owes 15', 'Ada owes nothing']) {
        store.set(value);
        ack(value); // from here on nobody may lose it
      }
    },
    recover({ fs, must, may }) {
      const found = new Store(fs, isCareful).get();
      const allowed = [undefined, ...may].slice(must.length); // the last acknowledged, or one begun since
      if (!allowed.includes(found)) throw new Error(`the store holds '${found}'`);
    },
  });

const example = suite('explore');

example('without an fsync of the new file, the rename may be there before its content', async () => {
  const verdict = await run(false);
  assert.is(verdict.verdict, 'violated');
  const [finding] = verdict.findings;
  assert.match(finding?.sentence ?? '', /\/value\.new/, 'names what is missing');
  assert.match(String(verdict), /explore\.test\.ts:\d+/, 'and the line that wrote it');
  assert.throws(() => verdict.assertSurvived(), /the store holds/);
});

example('with it every state of every crash point is good, and both fsyncs matter', async () => {
  const verdict = await run(true);
  verdict.assertSurvived();
  assert.ok(verdict.exhaustive);
  verdict.assertFlushesMatter();
});

example.run();
