// test-timeout: 600
// A real Linux guest: Debian's kernel for i386 boots in v86 and uses two machines as its disks, one around the page cache and one
// through it. It makes file systems, fills, checks and unmounts them; then the power of one is cut while it is mounted.
//
// Debian packages: e2fsprogs, to check the disks on this side; the guest's own come from apt at test time, see src/playground/linux/build/debian.ts.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { V86 } from 'v86';
import { attachV86, type V86Disk } from '../../src/adapters/v86.ts';
import { SparseMemory } from '../../src/backing/sparse-memory.ts';
import type { MachineConfig } from '../../src/core/options.ts';
import type { Machine } from '../../src/machine.ts';
import { type DebianSystem, debianSystem, MODULE_LIST } from '../../src/playground/linux/build/debian.ts';
import { initramfs } from '../../src/playground/linux/build/initramfs.ts';
import { NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';

const MIB = 1048576;
const SIZE = 64 * MIB;
const NUMBERS = 30000;
const BOOT_LIMIT_MS = 500_000;
const E2FSCK = '/usr/sbin/e2fsck';
const DEBUGFS = '/usr/sbin/debugfs';
const MAGIC_OFFSET = 1080;
const wasm = fileURLToPath(new URL('../../node_modules/v86/build/v86.wasm', import.meta.url));

/**
 * The guest's only program. Each step prints "MARK step status". Requests are kept small and unscheduled, so that
 * neighbours are left for the device to merge.
 */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
for module in $($b cat /${MODULE_LIST}); do $b insmod /lib/modules/$module.ko; done
export LD_LIBRARY_PATH=/lib
mark() { echo "MARK $1 $2"; }
for disk in vda vdb; do
  echo none > /sys/block/$disk/queue/scheduler
  echo 16 > /sys/block/$disk/queue/max_sectors_kb
  mark $disk-bytes $(($($b cat /sys/block/$disk/size) * 512))
  mark $disk-cache "$($b cat /sys/block/$disk/queue/write_cache)"
  /sbin/mke2fs -t ext4 -q /dev/$disk; mark $disk-mkfs $?
  $b mount -t ext4 -o discard /dev/$disk /mnt; mark $disk-mount $?
  $b seq 1 ${NUMBERS} > /mnt/numbers
  $b dd if=/dev/urandom of=/mnt/random bs=65536 count=32 2> /dev/null
  $b dd if=/dev/zero of=/mnt/gone bs=65536 count=16 conv=fsync 2> /dev/null; mark $disk-write $?
  $b sync
  $b rm /mnt/gone
  $b umount /mnt; mark $disk-umount $?
  /sbin/e2fsck -fn /dev/$disk; mark $disk-fsck $?
  echo 3 > /proc/sys/vm/drop_caches
  $b mount -t ext4 -o ro /dev/$disk /mnt
  mark $disk-numbers $($b md5sum < /mnt/numbers | $b cut -c 1-32)
  mark $disk-random $($b md5sum < /mnt/random | $b cut -c 1-32)
  $b umount /mnt
done
$b mount -t ext4 /dev/vda /mnt
$b seq 1 ${NUMBERS} > /mnt/synced
$b sync
echo lost > /mnt/unsynced
mark end 0
$b sleep 1000000
`;

interface Run {
  readonly marks: ReadonlyMap<string, string>;
  readonly output: string;
}

/** Boots, and returns what the guest has said when it says that it is at its end. */
async function boot(system: DebianSystem, attach: (emulator: V86) => void): Promise<Run> {
  const init = initramfs([{ name: 'init', bytes: new TextEncoder().encode(INIT) }]);
  const image = (bytes: Uint8Array) => ({ buffer: new Uint8Array(bytes).buffer });
  const emulator = new V86({
    wasm_path: wasm,
    memory_size: 128 * MIB,
    vga_memory_size: 2 * MIB,
    bios: image(system.bios),
    vga_bios: image(system.vgaBios),
    bzimage: image(system.kernel),
    initrd: image(Buffer.concat([system.initramfs, init])),
    cmdline: 'console=ttyS0 rdinit=/init mitigations=off random.trust_cpu=on panic=-1 loglevel=4',
    virtio_console: { type: 'none' },
    disable_speaker: true,
    autostart: false,
  });
  await new Promise<void>((resolve) => emulator.add_listener('emulator-loaded', () => resolve()));
  attach(emulator);
  let output = '';
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}; the guest said:\n${output.slice(-3000)}`));
      emulator.add_listener('serial0-output-byte', (byte: number) => {
        output += String.fromCharCode(byte);
        if (byte !== 10) return;
        if (output.endsWith('MARK end 0\r\n')) resolve();
        if (output.includes('Kernel panic')) fail('the kernel panicked');
      });
      timer = setTimeout(() => fail(`no end after ${BOOT_LIMIT_MS / 1000} s`), BOOT_LIMIT_MS);
      void emulator.run();
    });
  } finally {
    clearTimeout(timer);
    await emulator.destroy();
  }
  const marks = [...output.matchAll(/^MARK (\S+) (.*?)\r?$/gm)];
  return { marks: new Map(marks.map(([, step, status]) => [step as string, status as string])), output };
}

/** Writes what drive 0 holds to a file, for e2fsprogs. */
function exportDrive(machine: Machine, image: string): void {
  const drive = machine.openFile('drive0', { readOnly: true });
  const file = openSync(image, 'w');
  for (let offset = 0; offset < SIZE; offset += 4 * MIB) writeSync(file, drive.read(4 * MIB, offset));
  closeSync(file);
  drive.close();
}

function checkMagic(machine: Machine): void {
  const drive = machine.openFile('drive0', { readOnly: true });
  assert.equal([...drive.read(2, MAGIC_OFFSET)], [0x53, 0xef]);
  drive.close();
}

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

/** A file of the image, as debugfs reads it. */
function fileOf(image: string, name: string): Uint8Array {
  return spawnSync(DEBUGFS, ['-R', `cat /${name}`, image], { maxBuffer: 16 * MIB }).stdout;
}

const peer = suite('v86');
const system = debianSystem();
const hasE2fsprogs = [E2FSCK, DEBUGFS].every((program) => spawnSync(program, ['-V']).status === 0);
if (!hasE2fsprogs)
  console.log(
    `SKIPPED: a guest's disks under this system's e2fsck: ${E2FSCK} is missing; install it with: apt-get install e2fsprogs`,
  );

if (typeof system === 'string') {
  console.log(`SKIPPED: a Linux guest in v86: ${system}`);
} else {
  const numbers = Buffer.from(Array.from({ length: NUMBERS }, (_, index) => `${index + 1}\n`).join(''));
  const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-v86-'));
  const image = path.join(folder, 'image');
  const memory = new SparseMemory();
  const config: MachineConfig = { buffers: '32MiB' };
  const machines: Machine[] = [];
  const disks: V86Disk[] = [];
  let run: Run;

  peer.before(async () => {
    const drive = { size: SIZE, latencyNs: 50_000, channels: 4 };
    machines.push(
      await openMachine('release', { ...config, cacheMode: 'none', drives: [{ ...drive, memory }] }),
      await openMachine('release', { ...config, cacheMode: 'writeback', drives: [drive] }),
    );
    run = await boot(system, (emulator) => {
      machines.forEach((machine, index) => {
        disks.push(
          attachV86(emulator, machine, { pciId: (0x0d + index) << 3, port: 0xe000 + index * 0x400 }),
        );
      });
    });
  });

  peer.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of ['vda', 'vdb']) {
    peer(`${name}: the guest makes, fills, checks and reads a file system`, () => {
      const mark = (step: string) => run.marks.get(`${name}-${step}`);
      assert.is(mark('bytes'), String(SIZE), run.output);
      assert.is(mark('cache'), 'write back');
      for (const step of ['mkfs', 'mount', 'write', 'umount', 'fsck']) assert.is(mark(step), '0', step);
      assert.is(mark('numbers'), md5(numbers));
      assert.not.match(run.output, /I\/O error|EXT4-fs (?:error|warning)/);
    });
  }

  peer('every kind of request came, neighbours merged, and none failed', () => {
    for (const [index, disk] of disks.entries()) {
      const { stats } = disk.device;
      const { guest } = (machines[index] as Machine).counters;
      assert.ok(stats.rd_operations > 0 && stats.flush_operations > 0, JSON.stringify(stats));
      assert.ok(stats.wr_merged > 0, JSON.stringify(stats));
      assert.ok(guest.discards > 0 && guest.writeZeroes > 0, JSON.stringify(guest));
      assert.equal([stats.io_errors, guest.invalid, disk.inFlight], [0, 0, 0]);
      assert.ok(disk.device.hasFeature('discard') && !disk.device.needsReset);
      disk.dispose();
      machines[index]?.run();
      assert.equal(poolsInUse(machines[index] as Machine), NO_POOL_IN_USE);
    }
  });

  peer('the disk that was unmounted holds the files, and is clean for this side too', () => {
    const machine = machines[1] as Machine;
    checkMagic(machine);
    if (!hasE2fsprogs) return;
    exportDrive(machine, image);
    const { status, stdout } = spawnSync(E2FSCK, ['-fn', image], { encoding: 'utf8' });
    assert.is(status, 0, stdout);
    assert.is(md5(fileOf(image, 'numbers')), md5(numbers));
    assert.is(md5(fileOf(image, 'random')), run.marks.get('vdb-random'));
    assert.is(fileOf(image, 'random').length, 32 * 65536);
  });

  peer('a power cut of the mounted disk loses nothing that was synced', async () => {
    (machines[0] as Machine).cutPower();
    const machine = await openMachine('release', { ...config, drives: [{ size: SIZE, memory }] });
    checkMagic(machine);
    if (!hasE2fsprogs) return;
    exportDrive(machine, image);
    // replays the journal: 0 or 1, as it may mend nothing else
    const replay = spawnSync(E2FSCK, ['-fp', image], { encoding: 'utf8' });
    assert.ok(replay.status === 0 || replay.status === 1, replay.stdout);
    assert.is(spawnSync(E2FSCK, ['-fn', image]).status, 0);
    for (const name of ['numbers', 'synced']) assert.is(md5(fileOf(image, name)), md5(numbers), name);
    assert.is(md5(fileOf(image, 'random')), run.marks.get('vda-random'));
    machine.close();
  });
}

peer.run();
