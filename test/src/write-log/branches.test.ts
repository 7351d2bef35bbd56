// The write log of a machine that is restored, cloned or crashed: each machine has the log of its own past.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WriteLogConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';
import { openWriteLog } from '../../../src/write-log/node-logs.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const branches = suite('branches of a write log');

/** Sectors that were written, in order. */
function written(log: Pick<Machine['writeLog'], 'entries'>): number[] {
  return [...log.entries()].flatMap((entry) => (entry.kind === 'submit' ? [entry.sector] : []));
}

function write(machine: Machine, sector: number): void {
  machine.blockDevice().write(sector, new Uint8Array(3 * 512).fill(sector + 1));
}

for (const build of BUILDS) {
  for (const buffer of [64, 1048576]) {
    const open = (options: WriteLogConfig = {}) =>
      openMachine(build, { drives: [{ size: '1MiB' }], writeLog: { buffer, ...options } });

    branches(
      `${build}, ${buffer} bytes kept back: a restored machine goes on with the log of then`,
      async () => {
        const machine = await open();
        machine.tag = 5;
        write(machine, 1);
        const before = machine.snapshot();
        const log = machine.writeLog.snapshot();
        machine.tag = 6;
        write(machine, 2);
        write(machine, 3);
        const later = machine.snapshot();
        machine.restore(before);
        assert.is(machine.tag, 5);
        assert.equal(written(machine.writeLog), [1]);
        write(machine, 4);
        assert.equal(written(machine.writeLog), [1, 4]);
        machine.restore(later);
        assert.equal(written(machine.writeLog), [1, 2, 3]);
        assert.equal(written(log), [1]);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      },
    );

    branches(
      `${build}, ${buffer} bytes kept back: a clone and its machine each log what they do`,
      async () => {
        const machine = await open();
        write(machine, 1);
        const clone = machine.clone();
        write(machine, 2);
        write(clone, 3);
        assert.equal(written(machine.writeLog), [1, 2]);
        assert.equal(written(clone.writeLog), [1, 3]);
        clone.writeLog.mark('clone');
        assert.is(machine.writeLog.markCount, 0);
        assert.equal(written(clone.writeLog.snapshot()), [1, 3]);
        clone.close();
        write(machine, 4);
        assert.equal(written(machine.writeLog), [1, 2, 4]);
      },
    );

    branches(
      `${build}, ${buffer} bytes kept back: the machine after a crash begins a log of its own`,
      async () => {
        const machine = await open();
        write(machine, 1);
        for (const kind of ['os', 'power'] as const) {
          const after = machine.crash(kind);
          assert.equal(written(after.writeLog), []);
          write(after, 2);
          assert.equal(written(after.writeLog), [2]);
        }
        assert.equal(written(machine.crash('process').writeLog), [1]);
        assert.equal(written(machine.writeLog), [1]);
        machine.cutPower();
        assert.equal(written(machine.writeLog), [1]);
      },
    );

    branches(
      `${build}, ${buffer} bytes kept back: the file of a restored machine is cut to the log of then`,
      async () => {
        const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-log-'));
        try {
          const file = path.join(folder, 'log');
          const machine = await open({ path: file });
          write(machine, 1);
          const before = machine.snapshot();
          write(machine, 2);
          const clone = machine.clone();
          machine.writeLog.flushToFile();
          machine.restore(before);
          machine.writeLog.mark('again');
          machine.close();
          assert.is(readFileSync(file).length, machine.writeLog.bytes);
          using log = openWriteLog(file);
          assert.equal(written(log), [1]);
          assert.is([...log.entries()].at(-1)?.kind, 'mark');
          assert.equal(written(clone.writeLog), [1, 2]);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      },
    );
  }
}

branches.run();
