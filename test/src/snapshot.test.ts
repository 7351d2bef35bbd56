// Snapshots, restoring and clones: the same calls after a restore make the same decisions, step by step, and leave the same bytes; what is
// made in one history is not there in another; image files are never copied and never lose what somebody still sees.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AioContext } from '../../src/aio.ts';
import { pread, pwrite } from '../../src/aio-request.ts';
import type { BlockDevice } from '../../src/block-device.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import type { RegisteredBuffer } from '../../src/core/registered-buffer.ts';
import { ConfigError, InternalError, StorageError } from '../../src/errors.ts';
import type { OpenFile } from '../../src/files.ts';
import type { VolumeFile } from '../../src/fs/volume-file.ts';
import type { Machine } from '../../src/machine.ts';
import type { VirtioBlkDevice } from '../../src/virtio-blk.ts';
import { BUILDS, brokenRule, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const SECTOR = 512;
const SMALL = {
  drives: [
    { size: '1MiB', latencyNs: { read: 50_000, write: 80_000, flush: 200_000 }, channels: 2 },
    { size: '2MiB', latencyNs: 30_000 },
  ],
  files: [{ name: 'flat', capacity: '256KiB', size: '16KiB' }],
  volume: { drive: 1, inodes: 32 },
  cache: '128KiB',
  buffers: '1MiB',
  sharedMemory: '64KiB',
  aioMaxNr: 2048,
  records: 4096,
  limits: { bluestoreAios: 16 },
} as const satisfies MachineConfig;

const fill = (value: number, bytes: number) => new Uint8Array(bytes).fill(value);

/** Everything that a program works with. */
interface World {
  readonly machine: Machine;
  readonly flat: OpenFile;
  readonly log: VolumeFile;
  readonly aio: AioContext;
  readonly buffer: RegisteredBuffer;
  readonly disk: VirtioBlkDevice;
  readonly device: BlockDevice;
}

function enter(machine: Machine): World {
  const buffer = machine.allocateBuffer(16384);
  buffer.bytes.fill(9);
  return {
    machine,
    flat: machine.openFile('flat'),
    log: machine.fs.open('/log', 'a+'),
    aio: machine.createAioContext(16),
    buffer,
    disk: machine.virtioBlk(0),
    device: machine.blockDevice(0),
  };
}

type Act = readonly [kind: string, a: number, b: number];

/** One act; what it answers is part of what must be the same. */
function play(world: World, [kind, a, b]: Act): unknown {
  const { machine, flat, log, aio, buffer, disk, device } = world;
  const name = `/f${a % 5}`;
  switch (kind) {
    case 'flatWrite':
      return flat.write(fill(b, 1 + (a % 9000)), a * 7);
    case 'flatRead':
      return flat.read(1 + (a % 5000), b * 11).join();
    case 'flatSync':
      return flat.sync();
    case 'append':
      return [log.write(fill(b, 1 + (a % 6000))), log.position];
    case 'logSync':
      return log.fsync();
    case 'writeFile':
      return machine.fs.writeFile(name, fill(b, (a * 37) % 9000), { flush: b % 3 === 0 });
    case 'readFile':
      return machine.fs.exists(name) ? machine.fs.readFile(name).join() : 'none';
    case 'unlink':
      return machine.fs.exists(name) ? machine.fs.unlink(name) : 'none';
    case 'rename':
      return machine.fs.exists(name) ? machine.fs.rename(name, `/f${b % 5}`) : 'none';
    case 'aio': {
      const part = buffer.subarray((a % 4) * 4096, (a % 4) * 4096 + 4096);
      const request = b % 2 === 0 ? pread(flat, part, (a % 8) * 4096) : pwrite(flat, part, (a % 8) * 4096);
      try {
        return aio.submit([request]);
      } catch (error) {
        return (error as StorageError).code;
      }
    }
    case 'reap':
      return aio.getEvents({ min: a % 2, timeoutNs: 100_000 }).map(({ res }) => res);
    case 'guest':
      disk.write((a % 128) * SECTOR, fill(b, SECTOR * (1 + (b % 4))));
      return disk.read((b % 128) * SECTOR, SECTOR).join();
    case 'block':
      device.submit({ operation: 'write', sector: a % 1000, data: fill(b, SECTOR * (1 + (a % 3))) });
      return device.reap().map(({ sector, result }) => [sector, result]);
    case 'step':
      return machine.step();
    case 'run':
      return machine.run();
    default:
      return machine.advance(a * 10_000_000);
  }
}

const KINDS = [
  'flatWrite',
  'flatRead',
  'flatSync',
  'append',
  'logSync',
  'writeFile',
  'readFile',
  'unlink',
  'rename',
  'aio',
  'reap',
  'guest',
  'block',
  'step',
  'run',
  'advance',
];
const acts = (maxLength: number) =>
  fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.nat(1000), fc.nat(250)), {
    minLength: 1,
    maxLength,
    size: 'max',
  });

/** What every act answered, and what the machine had decided by then. */
function history(world: World, program: readonly Act[]): string[] {
  return program.map((act) => `${act[0]} ${JSON.stringify(play(world, act))} ${world.machine.recordHash}`);
}

function bytesOf(machine: Machine): Buffer[] {
  return Array.from({ length: machine.driveCount }, (_, drive) => {
    const bytes = Buffer.alloc(machine.memory(drive).size);
    machine.memory(drive).read(bytes, 0);
    return bytes;
  });
}

/** Everything ends, so that nothing may be in use. */
function leave({ machine, aio, disk, device, flat, log }: World): void {
  machine.run();
  aio.destroy();
  disk.close();
  device.reap();
  flat.close();
  log.close();
  assert.is(brokenRule(machine), '');
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

const stale = (body: () => unknown) =>
  assert.throws(body, (error: unknown) => error instanceof StorageError && error.code === 'ESTALE');

const snapshots = suite('snapshots');

for (const build of BUILDS) {
  const runs = build === 'release' ? 25 : 8;
  const open = (config: MachineConfig = {}) => openMachine(build, { ...SMALL, ...config });

  snapshots(
    `${build}: after a restore the same calls have the same answers, decisions and bytes`,
    async () => {
      await fc.assert(
        fc.asyncProperty(acts(25), acts(25), acts(10), async (before, after, between) => {
          const world = enter(await open());
          const { machine } = world;
          history(world, before);
          const snapshot = machine.snapshot();
          const hash = machine.recordHash;
          const first = history(world, after);
          const bytes = bytesOf(machine);
          for (const detour of [[], between]) {
            history(world, detour);
            machine.restore(snapshot);
            assert.is(machine.recordHash, hash);
            assert.equal(history(world, after), first);
            assert.ok(bytesOf(machine).every((drive, index) => drive.equals(bytes[index] as Buffer)));
          }
          leave(world);
        }),
        { seed: 2024, numRuns: runs },
      );
    },
  );

  snapshots(`${build}: snapshots, clones and crashes in between change nothing`, async () => {
    await fc.assert(
      fc.asyncProperty(acts(30), async (program) => {
        const plain = enter(await open());
        const watched = enter(await open());
        const held: unknown[] = [];
        program.forEach((act, index) => {
          assert.equal(history(watched, [act]), history(plain, [act]));
          if (index % 3 === 0) held.push(watched.machine.snapshot());
          if (index % 5 === 1) held.push(watched.machine.clone());
          if (index % 5 === 2) watched.machine.crash('power', { choose: 'random', seed: index });
          if (index % 5 === 3) watched.machine.crash('os');
          if (index % 5 === 4) watched.machine.crash('process');
        });
        leave(watched);
        leave(plain);
        assert.is(watched.machine.recordHash, plain.machine.recordHash);
        assert.ok(
          bytesOf(watched.machine).every((drive, index) =>
            drive.equals(bytesOf(plain.machine)[index] as Buffer),
          ),
        );
      }),
      { seed: 77, numRuns: runs },
    );
  });

  snapshots(`${build}: a clone goes on as the machine does, and neither sees the other`, async () => {
    const files = [
      'flatWrite',
      'flatRead',
      'flatSync',
      'append',
      'logSync',
      'writeFile',
      'readFile',
      'advance',
    ];
    const fileActs = fc.array(fc.tuple(fc.constantFrom(...files), fc.nat(1000), fc.nat(250)), {
      maxLength: 25,
      size: 'max',
    });
    await fc.assert(
      fc.asyncProperty(acts(20), fileActs, acts(10), async (before, after, elsewhere) => {
        const world = enter(await open());
        history(world, before);
        const machine = world.machine.clone();
        const twin = {
          ...world,
          machine,
          flat: machine.twin(world.flat),
          log: machine.twin(world.log),
          buffer: machine.twin(world.buffer),
        };
        const mine = history(world, after);
        history(world, elsewhere);
        assert.equal(history(twin, after), mine);
        leave(world);
      }),
      { seed: 11, numRuns: runs },
    );
  });

  snapshots(
    `${build}: what was made after the snapshot is stale, what was closed after it is open`,
    async () => {
      const machine = await open();
      const world = enter(machine);
      world.log.write(fill(1, 10));
      const start = machine.snapshot();
      const kept = machine.openFile('flat');
      const middle = machine.snapshot();
      const late = {
        file: machine.openFile('flat'),
        log: machine.fs.open('/log', 'r'),
        eventfd: machine.createEventfd(),
        aio: machine.createAioContext(4),
        queue: machine.createAioQueue(4),
        iov: machine.usrbio.createIov(4096),
        ring: machine.usrbio.createRing({ entries: 4 }),
        kernel: machine.openKernelDevice('drive0'),
        disk: machine.virtioBlk(1),
      };
      const context = late.kernel.createContext();
      world.log.write(fill(2, 10));
      world.aio.destroy();
      world.disk.close();
      world.flat.close();
      kept.close();
      machine.restore(middle);
      assert.is(world.log.position, 10);
      assert.is(world.aio.getEvents().length, 0);
      assert.is(world.disk.read(0, 512).length, 512);
      assert.is(world.flat.read(1, 0).length, 1);
      assert.is(kept.read(1, 0).length, 1);
      stale(() => late.file.read(1, 0));
      stale(() => late.log.read(new Uint8Array(1)));
      stale(() => late.eventfd.read());
      stale(() => late.aio.getEvents());
      stale(() => late.aio.submit([]));
      stale(() => late.queue.init());
      stale(() => late.iov.bytes);
      stale(() => late.ring.wait());
      stale(() => late.kernel.flush());
      stale(() => context.numRunning);
      stale(() => late.disk.read(0, 512));
      // what is not there need not be closed
      for (const object of [late.file, late.log, late.eventfd, late.kernel, late.disk]) object.close();
      late.ring.destroy();
      late.iov.destroy();
      context.close();
      machine.restore(start);
      stale(() => kept.read(1, 0));
      machine.restore(middle);
      assert.is(kept.read(1, 0).length, 1, 'forward again');
      kept.close();
      leave(world);
    },
  );

  snapshots(`${build}: requests in flight are in flight again`, async () => {
    const machine = await open();
    const world = enter(machine);
    machine.holdCompletions(true);
    const write = world.device.submit({ operation: 'write', sector: 5, data: fill(7, 512) });
    const [guest] = world.disk.submit([{ readable: fill(0, 16), writableLength: 513 }]);
    world.aio.submit([pwrite(world.flat, world.buffer.subarray(0, 512), 0, { rwFlags: 2, data: 42 })]);
    machine.run();
    const snapshot = machine.snapshot();
    for (let round = 0; round < 3; round++) {
      assert.is(write.isDone, false);
      assert.is(guest?.isDone, false);
      machine.holdCompletions(false);
      machine.run();
      world.disk.poll();
      assert.is(write.result, 0);
      assert.is(guest?.status, 0);
      assert.equal(
        world.device.reap().map(({ sector }) => sector),
        [5],
      );
      assert.equal(
        world.aio.getEvents({ min: 1 }).map(({ data, res }) => [data, res]),
        [[42, 512]],
      );
      if (round < 2) machine.restore(snapshot);
    }
    leave(world);
  });

  snapshots(`${build}: records are taken from where they were, buffers are free as they were`, async () => {
    const machine = await open();
    const file = machine.openFile('flat');
    file.read(1, 0);
    machine.records.take();
    file.read(1, 4096);
    const free = machine.buffers.freeBytes;
    const snapshot = machine.snapshot();
    const first = machine.records.take();
    assert.ok(first.length > 0);
    const buffer = machine.allocateBuffer(4096);
    machine.restore(snapshot);
    assert.equal(machine.records.take(), first);
    assert.is(machine.buffers.freeBytes, free);
    const other = machine.allocateBuffer(4096);
    assert.is(other.address, buffer.address, 'the same place is free again');
    buffer.free();
    assert.is(machine.buffers.freeBytes, free - 4096, 'a buffer of another history frees nothing');
    other.free();
    assert.is(machine.buffers.freeBytes, free);
  });

  snapshots(`${build}: a power cut, a close and a trap are undone`, async () => {
    const machine = await open();
    const file = machine.openFile('flat');
    file.write(fill(5, 100), 0);
    const snapshot = machine.snapshot();
    machine.cutPower();
    assert.throws(() => machine.snapshot(), /EBADF/);
    machine.restore(snapshot);
    assert.is(file.read(1, 0)[0], 5);
    machine.close();
    machine.restore(snapshot);
    assert.is(file.read(1, 0)[0], 5);
    const trap = () =>
      machine.core.call(() => {
        throw new WebAssembly.RuntimeError('unreachable');
      });
    assert.throws(trap, (error: unknown) => error instanceof InternalError);
    assert.throws(
      () => file.read(1, 0),
      (error: unknown) => error instanceof InternalError,
    );
    machine.restore(snapshot);
    assert.is(file.read(1, 0)[0], 5);
    const other = await open();
    assert.throws(
      () => other.restore(snapshot),
      (error: unknown) => error instanceof ConfigError,
    );
  });

  snapshots(`${build}: a snapshot takes the memory that has changed since the one before`, async () => {
    const machine = await open({ cache: '8MiB', volume: false });
    const file = machine.openFile('drive0');
    const first = machine.snapshot();
    assert.ok(first.ownBytes < machine.core.memory.bytes.length / 4, 'zeros are not kept');
    assert.is(machine.snapshot().ownBytes, 0);
    file.write(fill(1, 4096), 0);
    const second = machine.snapshot();
    assert.ok(second.ownBytes > 0 && second.ownBytes < 1048576, `${second.ownBytes} bytes`);
    machine.restore(first);
    machine.restore(second);
    assert.is(file.read(1, 0)[0], 1);
  });

  snapshots(`${build}: a machine without bytes goes back too`, async () => {
    const machine = await openMachine(build, { payload: 'none', records: true });
    const file = machine.openFile('drive0');
    file.write(fill(1, 4096), 0);
    const snapshot = machine.snapshot();
    const step = () => {
      file.write(fill(1, 4096), 8192);
      file.sync();
      return machine.recordHash;
    };
    const hash = step();
    machine.restore(snapshot);
    assert.is(step(), hash);
    const clone = machine.clone();
    assert.is(clone.recordHash, hash);
  });

  snapshots(`${build}: what a process leaves when it is killed in the middle of everything`, async () => {
    await fc.assert(
      fc.asyncProperty(acts(40), fc.boolean(), async (program, isHolding) => {
        const world = enter(await open());
        const { machine } = world;
        machine.openKernelDevice('drive0').createContext().aioRead(4096, 0);
        machine.usrbio.createRing({ entries: 4 });
        machine.createEventfd();
        machine.createAioQueue(4).init();
        history(world, program);
        machine.holdCompletions(isHolding);
        world.device.submit({ operation: 'write', sector: 0, data: fill(1, 512) });
        world.aio.submit([pread(world.flat, world.buffer.subarray(0, 4096), 0)]);
        machine.step();
        const after = machine.crash('process');
        assert.equal(poolsInUse(after), NO_POOL_IN_USE);
        assert.is(brokenRule(after), '');
        const again = enter(after);
        history(again, program);
        leave(again);
        assert.equal(after.fs.check(), []);
      }),
      { seed: 5, numRuns: runs },
    );
  });

  snapshots(`${build}: an image file is not copied, and clones and crashes leave it as it is`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sectorlab-'));
    try {
      const image = join(folder, 'disk.img');
      const before = Buffer.alloc(1048576);
      for (let at = 0; at < before.length; at += 512) before[at] = at / 512;
      writeFileSync(image, before);
      const machine = await openMachine(build, { drives: [{ image }], cache: '128KiB' });
      const device = machine.blockDevice();
      device.write(1, fill(200, 512));
      const written = readFileSync(image);
      const clone = machine.clone();
      const lost = machine.crash('power');
      const kept = machine.crash('power', { choose: 'all' });
      assert.is(lost.blockDevice().read(1, 1)[0], 1);
      assert.is(kept.blockDevice().read(1, 1)[0], 200);
      for (const other of [clone, lost, kept]) {
        other.blockDevice().write(2, fill(201, 512), { fua: true });
        assert.ok(other.memory().heldBytes <= 16384 * 2, `${other.memory().heldBytes} bytes held`);
      }
      assert.ok(readFileSync(image).equals(written), 'nobody else writes the file');
      device.write(2, fill(202, 512), { fua: true });
      device.write(64, fill(203, 512), { fua: true });
      assert.is(readFileSync(image)[64 * 512], 203);
      for (const other of [clone, lost, kept]) {
        assert.is(other.blockDevice().read(2, 1)[0], 201);
        assert.is(other.blockDevice().read(64, 1)[0], 64, 'what the file has lost was kept');
        assert.is(other.blockDevice().read(100, 1)[0], 100);
      }
      machine.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  snapshots(`${build}: going back puts an image file back, in any order of snapshots`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sectorlab-'));
    try {
      const image = join(folder, 'new.img');
      const machine = await openMachine(build, { drives: [{ image, size: '1MiB' }], cache: '128KiB' });
      const device = machine.blockDevice();
      const states: { snapshot: ReturnType<Machine['snapshot']>; bytes: Buffer }[] = [];
      for (let round = 0; round < 8; round++) {
        states.push({ snapshot: machine.snapshot(), bytes: readFileSync(image) });
        device.write((round * 37) % 200, fill(round + 1, 512 * 20), { fua: round % 2 === 0 });
        if (round === 4) device.write(1900, fill(99, 512 * 100));
      }
      const clone = machine.clone();
      const last = readFileSync(image);
      for (const index of [3, 7, 0, 5, 6, 1, 0]) {
        const { snapshot, bytes } = states[index] as (typeof states)[0];
        machine.restore(snapshot);
        assert.ok(readFileSync(image).equals(bytes), `snapshot ${index}`);
        const again = device.read(0, 300);
        assert.ok(
          Buffer.from(again)
            .subarray(0, bytes.length)
            .equals(bytes.subarray(0, 300 * 512)),
        );
        // a branch of the history that is left again
        device.write((index * 11) % 250, fill(77, 2048));
      }
      assert.is(statSync(image).size <= last.length, true);
      assert.ok(Buffer.from(clone.blockDevice().read(0, 2000)).equals(last.subarray(0, 2000 * 512)));
      machine.close();
      assert.throws(() => machine.restore(states[0]?.snapshot as never), /EBADF/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

snapshots.run();
