// Faults of one file of the volume, or of its metadata: rules with a domain, on a running machine. Whose a request is, the drive
// learns from its pieces (Bio.domain).

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOG_DOMAIN_METADATA } from '../../../assembly/layout.ts';
import type { VolumeFile } from '../../../src/fs/volume-file.ts';
import type { Machine } from '../../../src/machine.ts';
import {
  BUILDS,
  type Build,
  brokenRule,
  EXACT,
  NO_POOL_IN_USE,
  openMachine,
  poolsInUse,
} from '../../support/machine.ts';
import { codeOf, FaultyDrive, filled } from './faulty-drive.ts';

const faults = suite('faults of a file');
const BLOCK = 4096;

async function openVolume(build: Build): Promise<Machine> {
  const machine = await openMachine(build, {
    ...EXACT,
    drives: [{ size: '8MiB', latencyNs: 1000 }],
    volume: { inodes: 64 },
    records: 65536,
  });
  machine.fs.mkdir('/db');
  return machine;
}

const block = (value: number): Uint8Array => new Uint8Array(BLOCK).fill(value);

/** A file of one block that is on the media, with its place. */
function settled(machine: Machine, path: string): VolumeFile {
  const file = machine.fs.open(path, 'w+');
  file.pwrite(block(1), 0);
  file.fsync();
  return file;
}

/** What fsync answers after each of `times` overwrites of the file's first block. */
function syncs(file: VolumeFile, times: number): string[] {
  return Array.from({ length: times }, (_, index) => {
    file.pwrite(block(index + 2), 0);
    return codeOf(() => file.fsync());
  });
}

function ends(machine: Machine): void {
  machine.run();
  assert.is(brokenRule(machine), '');
  assert.equal(machine.fs.check(), []);
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  faults(
    `${build}: only the named file's third write fails; other files and the journal do not`,
    async () => {
      const machine = await openVolume(build);
      const wal = settled(machine, '/db/wal');
      const table = settled(machine, '/db/table');
      const commits = machine.counters.journal.commits;
      machine.faults.add('eio on=write file=/db/wal nth=3');
      assert.equal(syncs(table, 4), ['none', 'none', 'none', 'none']);
      assert.equal(syncs(wal, 4), ['none', 'none', 'EIO', 'none']);
      assert.equal(syncs(table, 2), ['none', 'none']);
      assert.ok(machine.counters.journal.commits >= commits + 9, 'the journal writes all the while');
      const [status] = machine.faults.list();
      assert.equal([status?.matches, status?.hits, machine.counters.drive.faults], [4, 1, 1]);
      assert.equal(machine.fs.readFile('/db/wal'), block(5));
      ends(machine);
    },
  );

  faults(`${build}: of the metadata only, the journal fails, and the file's bytes arrive`, async () => {
    const machine = await openVolume(build);
    const file = settled(machine, '/a');
    machine.faults.add('eio on=write domain=metadata times=once');
    file.pwrite(block(9), 0);
    assert.is(
      codeOf(() => file.fsync()),
      'EIO',
    );
    const [status] = machine.faults.list();
    assert.equal([status?.matches, status?.hits], [1, 1]);
    assert.equal(machine.crash('power', { choose: 'all' }).fs.readFile('/a'), block(9));
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  faults(`${build}: a request merged of two files' blocks is of both`, async () => {
    const machine = await openVolume(build);
    for (const path of ['/a', '/b']) settled(machine, path).close();
    const buffer = machine.buffers.allocate(BLOCK, BLOCK);
    const [a, b] = ['/a', '/b'].map((path) => machine.fs.open(path, { read: true, direct: true }));
    const context = machine.createAioContext(8);
    const read = (): number[] => {
      const request = { op: 'pread', buffer, length: BLOCK, offset: 0 } as const;
      context.submit([
        { ...request, file: a as VolumeFile },
        { ...request, file: b as VolumeFile },
      ]);
      return context.getEvents({ min: 2 }).map(({ res }) => Number(res));
    };
    machine.records.take();
    assert.equal(read(), [BLOCK, BLOCK]);
    const issued = machine.records.take().filter(({ kind }) => kind === 'issued');
    assert.equal(
      issued.map(({ count }) => count),
      [16],
      'the two are one request',
    );
    machine.faults.add('eio on=read file=/b times=once');
    assert.equal(read(), [-5, -5]);
    assert.equal(read(), [BLOCK, BLOCK]);
    ends(machine);
  });

  faults(
    `${build}: a rule means the inode: after a rename, and after its number has a new file`,
    async () => {
      const machine = await openVolume(build);
      const old = settled(machine, '/db/wal');
      machine.faults.add('eio on=write file=/db/wal');
      machine.fs.rename('/db/wal', '/db/wal.1');
      const fresh = settled(machine, '/db/wal');
      assert.equal(syncs(fresh, 2), ['none', 'none']);
      assert.equal(syncs(old, 2), ['EIO', 'EIO']);
      const { inode } = old.stat();
      old.close();
      machine.fs.unlink('/db/wal.1');
      fresh.fsync();
      const heir = machine.fs.open('/db/heir', 'w+');
      assert.is(heir.stat().inode, inode);
      assert.equal(syncs(heir, 1), ['EIO']);
      ends(machine);
    },
  );

  faults(`${build}: failedFlush of a file: its sync fails, and nobody else's`, async () => {
    const machine = await openVolume(build);
    const wal = settled(machine, '/db/wal');
    const table = settled(machine, '/db/table');
    machine.faults.add('failedFlush file=/db/wal');
    const sync = (file: VolumeFile): string => {
      file.pwrite(block(7), 0);
      return codeOf(() => file.fdatasync());
    };
    assert.equal([sync(table), sync(wal), sync(table)], ['none', 'EIO', 'none']);
    // once there is nothing to commit, syncfs sends a flush for all
    machine.faults.add({ effect: 'failedFlush', domain: machine.fs.stat('/').inode });
    const { flushes } = machine.counters.drive;
    machine.fs.sync();
    machine.fs.sync();
    assert.ok(machine.counters.drive.flushes >= flushes + 2);
    assert.equal(
      machine.faults.list().map(({ matches, hits }) => [matches, hits]),
      [
        [1, 1],
        [0, 0],
      ],
    );
    // with times to commit, the flush is the journal's
    assert.equal(syncs(wal, 1), ['none']);
    ends(machine);
    machine.faults.add('failedFlush domain=metadata');
    assert.equal(syncs(table, 1), ['EIO']);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  faults(`${build}: a snapshot, a clone and a crash keep the file of a rule`, async () => {
    const machine = await openVolume(build);
    settled(machine, '/b').close();
    const file = settled(machine, '/a');
    machine.faults.add('eio on=write file=/a');
    file.close();
    const snapshot = machine.snapshot();
    machine.faults.remove(1);
    const outcome = (of: Machine): string[][] =>
      ['/a', '/b'].map((path) => {
        const open = of.fs.open(path, 'r+');
        const codes = syncs(open, 1);
        open.close();
        return codes;
      });
    assert.equal(outcome(machine), [['none'], ['none']]);
    machine.restore(snapshot);
    const expected = [['EIO'], ['none']];
    for (const twin of [
      machine.clone(),
      machine.crash('process'),
      machine.crash('os'),
      machine.crash('power', { choose: 'none' }),
    ]) {
      assert.is(twin.faults.list()[0]?.rule.domain, twin.fs.stat('/a').inode);
      assert.equal(outcome(twin), expected);
    }
    assert.equal(outcome(machine), expected);
    ends(machine);
  });

  faults(`${build}: a block device's requests have the domain that they are given`, async () => {
    const drive = await FaultyDrive.open(build);
    const { machine } = drive;
    machine.faults.add('eio domain=7');
    machine.faults.add({ effect: 'eio', domain: LOG_DOMAIN_METADATA, errno: 'ENODATA' });
    const results = [undefined, 0, 6, 7, LOG_DOMAIN_METADATA].map((domain) =>
      (['read', 'write', 'discard', 'writeZeroes', 'flush'] as const).map(
        (operation) => drive.send(operation, 8, 1, 5, domain === undefined ? {} : { domain }).result,
      ),
    );
    assert.equal(
      results.map((row) => [...new Set(row)]),
      [[0], [0], [0], [-5], [-61]],
    );
    machine.faults.remove(2);
    // both share one flush, which is for everything: the write of the domain fails, its flush does not
    drive.send('write', 8, 1);
    machine.faults.add('failedFlush domain=8');
    assert.is(drive.send('write', 9, 1, 5, { domain: 8, preflush: true }).result, 0);
    assert.is(drive.send('flush', 0, 0, 0, { domain: 8 }).result, -5);
    assert.equal(drive.media(9, 1), [...filled(5).slice(0, 1)]);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
  });

  faults(
    `${build}: latent errors and room by file: what it reads is damaged, what it writes takes room`,
    async () => {
      const machine = await openVolume(build);
      const a = settled(machine, '/a');
      const b = settled(machine, '/b');
      machine.faults.add('latent on=read file=/a');
      machine.dropCaches();
      assert.equal(
        [a, b].map((file) => codeOf(() => file.pread(new Uint8Array(BLOCK), 0))),
        ['EIO', 'none'],
      );
      const [layer, ...others] = machine.faults.layers();
      assert.equal([layer?.length, others.length], [BLOCK, 0]);
      machine.faults.add('enospc file=/b room=4KiB');
      const grow = (file: VolumeFile, at: number): string => {
        file.pwrite(block(3), at);
        return codeOf(() => file.fsync());
      };
      assert.equal([grow(b, BLOCK), grow(a, BLOCK), grow(b, 2 * BLOCK)], ['none', 'none', 'ENOSPC']);
      ends(machine);
    },
  );
}

faults.run();
