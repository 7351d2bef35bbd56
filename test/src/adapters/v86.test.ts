// A machine's drive as a disk of v86: a driver of the test's own talks to v86's ports and rings; nothing is booted.

import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { V86 } from 'v86';
import { attachV86, type V86Disk, type V86DiskOptions } from '../../../src/adapters/v86.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import { ConfigError, StorageError } from '../../../src/errors.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';

const WASM = fileURLToPath(new URL('../../../node_modules/v86/build/v86.wasm', import.meta.url));
const SIZE = 1048576;
const PORT = 0xe000;
const NOTIFY = PORT + 0x100;
const ISR = PORT + 0x200;
const CONFIG = PORT + 0x300;
// the common capability (virtio 1.2 §4.1.4.3)
const FEATURE_SELECT = PORT;
const FEATURE = PORT + 4;
const DRIVER_SELECT = PORT + 8;
const DRIVER = PORT + 12;
const STATUS = PORT + 20;
const QUEUE_SIZE = PORT + 24;
const QUEUE_ENABLE = PORT + 28;
const QUEUE_DESC = PORT + 32;
const QUEUE_AVAIL = PORT + 40;
const QUEUE_USED = PORT + 48;

const DESCRIPTORS = 0x100000;
const AVAILABLE = 0x102000;
const USED = 0x103000;
const DATA = 0x110000;

const OK = 0;
const IOERR = 1;
const UNSUPP = 2;

interface Io {
  port_read8(port: number): number;
  port_read16(port: number): number;
  port_read32(port: number): number;
  port_write8(port: number, value: number): void;
  port_write16(port: number, value: number): void;
  port_write32(port: number, value: number): void;
}

interface Cpu {
  readonly io: Io;
  read_blob(address: number, length: number): Uint8Array;
  write_blob(bytes: Uint8Array, address: number): void;
}

interface Put {
  readonly answer: number;
  readonly answerBytes: number;
}

/** A guest's driver: 128 entries, each request in up to three of them. */
class Guest {
  readonly io: Io;
  readonly #cpu: Cpu;
  #next = DATA;
  #descriptor = 0;
  #available = 0;

  constructor(emulator: V86) {
    this.#cpu = (emulator as unknown as { v86: { cpu: Cpu } }).v86.cpu;
    this.io = this.#cpu.io;
  }

  get offered(): number {
    this.io.port_write32(FEATURE_SELECT, 0);
    return this.io.port_read32(FEATURE) >>> 0;
  }

  /** Resets, accepts `features` (default: what is offered but INDIRECT_DESC), and sets up the ring. */
  start(features = this.offered & ~(1 << 28)): void {
    this.io.port_write8(STATUS, 0);
    this.io.port_write8(STATUS, 3);
    this.io.port_write32(DRIVER_SELECT, 0);
    this.io.port_write32(DRIVER, features);
    this.io.port_write32(DRIVER_SELECT, 1);
    this.io.port_write32(DRIVER, 1);
    this.io.port_write8(STATUS, 11);
    for (const ring of [AVAILABLE, USED]) this.#cpu.write_blob(new Uint8Array(2048), ring);
    this.io.port_write16(QUEUE_SIZE, 128);
    this.io.port_write32(QUEUE_DESC, DESCRIPTORS);
    this.io.port_write32(QUEUE_AVAIL, AVAILABLE);
    this.io.port_write32(QUEUE_USED, USED);
    this.io.port_write16(QUEUE_ENABLE, 1);
    this.io.port_write8(STATUS, 15);
    this.#available = 0;
  }

  get status(): number {
    return this.io.port_read8(STATUS);
  }

  get needsReset(): boolean {
    return (this.status & 64) !== 0;
  }

  #word(address: number, value: number): void {
    this.#cpu.write_blob(new Uint8Array(Uint16Array.of(value).buffer), address);
  }

  #take(bytes: Uint8Array): number {
    const address = this.#next;
    this.#next += Math.ceil(bytes.length / 16) * 16;
    this.#cpu.write_blob(bytes, address);
    return address;
  }

  /** Offers a chain of (address, bytes, flags). */
  offer(pieces: readonly (readonly [address: number, bytes: number, flags: number])[]): void {
    const head = this.#descriptor;
    pieces.forEach(([address, bytes, flags], index) => {
      const isLast = index + 1 === pieces.length;
      const next = isLast ? 0 : this.#descriptor + 1;
      const entry = new DataView(new ArrayBuffer(16));
      entry.setUint32(0, address, true);
      entry.setUint32(8, bytes, true);
      entry.setUint16(12, flags | (isLast ? 0 : 1), true);
      entry.setUint16(14, next, true);
      this.#cpu.write_blob(new Uint8Array(entry.buffer), DESCRIPTORS + this.#descriptor * 16);
      this.#descriptor = (this.#descriptor + 1) % 120;
    });
    this.#word(AVAILABLE + 4 + (this.#available % 128) * 2, head);
    this.announce(++this.#available);
  }

  announce(available: number): void {
    this.#word(AVAILABLE + 2, available);
  }

  put(type: number, sector: number, data = new Uint8Array(0), answerBytes = 0): Put {
    const header = new Uint8Array(16);
    new DataView(header.buffer).setUint32(0, type, true);
    new DataView(header.buffer).setUint32(8, sector, true);
    const answer = this.#take(new Uint8Array(answerBytes + 1).fill(0xee));
    this.offer([
      [this.#take(header), 16, 0],
      ...(data.length > 0 ? [[this.#take(data), data.length, 0] as const] : []),
      [answer, answerBytes + 1, 2],
    ]);
    return { answer, answerBytes };
  }

  notify(): void {
    this.io.port_write16(NOTIFY, 0);
  }

  /** How many chains have come back, and the length of the last. */
  get used(): [count: number, length: number] {
    const view = new DataView(this.#cpu.read_blob(USED, 2048).slice().buffer);
    const count = view.getUint16(2, true);
    return [count, view.getUint32(8 + (Math.max(0, count - 1) % 128) * 8, true)];
  }

  statusOf({ answer, answerBytes }: Put): number {
    return this.#cpu.read_blob(answer + answerBytes, 1)[0] as number;
  }

  answerOf({ answer, answerBytes }: Put): Uint8Array {
    return this.#cpu.read_blob(answer, answerBytes).slice();
  }
}

const adapter = suite('src/adapters/v86');

const pattern = (bytes: number, seed: number) =>
  new Uint8Array(bytes).map((_, at) => (at * 7 + (at >> 9) + seed) & 0xff);
const fails = (code: string) => (error: unknown) => error instanceof StorageError && error.code === code;

async function withEmulator(hasConsole: boolean, body: (emulator: V86) => Promise<void>): Promise<void> {
  const emulator = new V86({
    wasm_path: WASM,
    memory_size: 8388608,
    ...(hasConsole ? { virtio_console: { type: 'none' } } : {}),
    autostart: false,
  });
  await new Promise<void>((resolve) => emulator.add_listener('emulator-loaded', () => resolve()));
  try {
    await body(emulator);
  } finally {
    await emulator.destroy();
  }
}

/** Runs `body` with a started guest, and checks that the machine gets everything back. */
function withGuest(
  build: Build,
  body: (guest: Guest, disk: V86Disk, machine: Machine) => void,
  config: MachineConfig = {},
  options: V86DiskOptions = {},
): Promise<void> {
  return withEmulator(true, async (emulator) => {
    const machine = await openMachine(build, { drives: [{ size: SIZE, latencyNs: 1000 }], ...config });
    const before = machine.buffers.freeBytes;
    const disk = attachV86(emulator, machine, options);
    const guest = new Guest(emulator);
    guest.start();
    body(guest, disk, machine);
    disk.dispose();
    disk.dispose();
    guest.notify();
    machine.run();
    assert.is(machine.buffers.freeBytes, before);
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    machine.close();
  });
}

for (const build of BUILDS) {
  adapter(`${build}: the guest sees the disk's features and its config space`, () =>
    withGuest(build, ({ io, offered }, disk) => {
      const bits = [2, 4, 6, 9, 10, 11, 13, 14, 28];
      assert.is(
        offered,
        bits.reduce((sum, bit) => sum + 2 ** bit, 0),
      );
      assert.is(io.port_read32(CONFIG), SIZE / 512);
      assert.is(io.port_read32(CONFIG + 4), 0);
      assert.is(io.port_read32(CONFIG + 12), 126);
      assert.is(io.port_read8(CONFIG + 19), 63);
      assert.is(io.port_read32(CONFIG + 20), 512);
      assert.is(io.port_read8(CONFIG + 32), 1);
      assert.is(io.port_read32(CONFIG + 36), 4194303);
      assert.is(io.port_read8(CONFIG + 56), 1);
      io.port_write8(CONFIG + 32, 0);
      assert.is(io.port_read8(CONFIG + 32), 0);
      assert.is(disk.device.readConfig(32, 1), 0);
    }),
  );

  adapter(`${build}: every kind of request is served, with its status and length`, () =>
    withGuest(build, (guest, disk, machine) => {
      const serve = (...request: Parameters<Guest['put']>) => {
        const put = guest.put(...request);
        guest.notify();
        assert.is(disk.inFlight, 0);
        return { status: guest.statusOf(put), answer: guest.answerOf(put), length: guest.used[1] };
      };
      const segment = (sector: number, count: number) =>
        new Uint8Array(Uint32Array.of(sector, 0, count, 0).buffer);
      const data = pattern(8192, 3);
      assert.is(serve(1, 8, data).status, OK);
      assert.is(guest.io.port_read8(ISR), 1);
      assert.is(guest.io.port_read8(ISR), 0);
      const read = serve(0, 8, undefined, 8192);
      assert.equal([read.status, read.length], [OK, 8193]);
      assert.equal(read.answer, data);
      assert.is(serve(4, 0).length, 1);
      assert.is(serve(13, 0, segment(8, 1)).status, OK);
      assert.is(serve(11, 0, segment(64, 8)).status, OK);
      assert.is(
        new TextDecoder().decode(serve(8, 0, undefined, 20).answer.subarray(0, 14)),
        'sectorlab-0000',
      );
      assert.is(serve(0, SIZE / 512, undefined, 512).status, IOERR);
      assert.is(serve(99, 0).status, UNSUPP);
      const file = machine.openFile('drive0', { readOnly: true });
      assert.equal(file.read(8192, 4096), Uint8Array.from([...new Uint8Array(512), ...data.subarray(512)]));
      file.close();
      assert.is(disk.device.stats.flush_operations, 1);
    }),
  );

  adapter(`${build}: the chains of one notification merge`, () =>
    withGuest(build, (guest, disk) => {
      const writes = Array.from({ length: 16 }, (_, index) => guest.put(1, index * 8, pattern(4096, index)));
      guest.notify();
      assert.ok(writes.every((write) => guest.statusOf(write) === OK));
      assert.is(guest.used[0], 16);
      const { wr_operations, wr_merged } = disk.device.stats;
      assert.equal([wr_operations, wr_merged], [16, 15]);
    }),
  );

  adapter(`${build}: what buffers have no room for is served in parts, what never fits is an error`, () =>
    withGuest(
      build,
      (guest, disk) => {
        const writes = Array.from({ length: 8 }, (_, index) =>
          guest.put(1, index * 64, pattern(32768, index)),
        );
        guest.notify();
        assert.ok(writes.every((write) => guest.statusOf(write) === OK));
        const reads = writes.map((_, index) => guest.put(0, index * 64, undefined, 32768));
        const tooMuch = guest.put(0, 0, undefined, 122880);
        guest.notify();
        reads.forEach((read, index) => {
          assert.is(Buffer.compare(guest.answerOf(read), pattern(32768, index)), 0, `read ${index}`);
        });
        assert.is(guest.statusOf(tooMuch), IOERR);
        assert.is(guest.needsReset, false);
        assert.is(disk.device.stats.wr_operations, 8);
      },
      { buffers: 131072 },
    ),
  );

  adapter(`${build}: a held completion is answered at the poll after its release`, () =>
    withGuest(
      build,
      (guest, disk, machine) => {
        machine.holdCompletions(true);
        const put = guest.put(1, 0, pattern(512, 1));
        guest.notify();
        assert.is(disk.inFlight, 1);
        assert.is(disk.poll(), 0);
        assert.throws(() => disk.dispose(), fails('EDEADLK'));
        assert.is(guest.used[0], 0);
        // a driver that starts anew has to wait for what the drive holds
        machine.holdCompletions(false);
        guest.start();
        assert.is(disk.inFlight, 0);
        const again = guest.put(0, 0, undefined, 512);
        guest.notify();
        assert.is(guest.statusOf(again), OK);
        assert.is(guest.statusOf(put), 0xee);
        machine.holdCompletions(true);
        const held = guest.put(4, 0);
        const write = guest.put(1, 0, pattern(512, 1));
        guest.notify();
        assert.is(disk.inFlight, 2);
        machine.holdCompletions(false);
        machine.run();
        assert.is(disk.poll(), 2);
        assert.equal([guest.statusOf(held), guest.statusOf(write)], [OK, OK]);
        machine.holdCompletions(true);
        guest.put(1, 0, pattern(512, 1));
        guest.notify();
        guest.start();
        guest.put(4, 0);
        guest.notify();
        assert.is(guest.needsReset, true);
        machine.holdCompletions(false);
      },
      { cacheMode: 'none' },
    ),
  );

  adapter(`${build}: what breaks the rules breaks the device until the driver starts anew`, () =>
    withGuest(build, (guest) => {
      const attempts: (() => void)[] = [
        () => guest.offer([[DATA, 16, 0]]),
        () =>
          guest.offer([
            [DATA, 15, 0],
            [DATA + 64, 1, 2],
          ]),
        () =>
          guest.offer([
            [DATA, 16, 0],
            [DATA + 64, 0x7fffffff, 2],
          ]),
        () =>
          guest.offer([
            [DATA, 16, 0],
            [DATA + 64, 0xffffffff, 2],
          ]),
        () => guest.announce(129),
        () => guest.put(11, 0, new Uint8Array(8)),
      ];
      for (const attempt of attempts) {
        guest.start();
        attempt();
        guest.notify();
        assert.is(guest.needsReset, true);
        guest.start();
        assert.is(guest.needsReset, false);
        const flush = guest.put(4, 0);
        guest.notify();
        assert.is(guest.statusOf(flush), OK);
      }
    }),
  );

  adapter(`${build}: what the guest does not accept, it does not have`, () =>
    withGuest(
      build,
      (guest, disk, machine) => {
        assert.is(guest.offered & (1 << 13), 0);
        guest.start(1 << 6);
        const discard = guest.put(11, 0, new Uint8Array(16));
        const write = guest.put(1, 0, pattern(512, 1));
        guest.notify();
        assert.is(guest.statusOf(discard), UNSUPP);
        assert.is(guest.statusOf(write), OK);
        assert.is(machine.volatileWrites(), 0);
        assert.equal(disk.device.features, ['blkSize', 'version1']);
      },
      { cacheMode: 'none' },
      { deny: ['discard'] },
    ),
  );

  adapter(`${build}: a resize is told to the guest`, () =>
    withGuest(build, ({ io }, disk) => {
      const before = io.port_read8(PORT + 21);
      disk.resize(SIZE / 2);
      assert.is(io.port_read8(ISR), 2);
      assert.is(io.port_read32(CONFIG), SIZE / 1024);
      assert.not.equal(io.port_read8(PORT + 21), before);
      assert.throws(() => disk.resize(SIZE * 2), fails('EINVAL'));
    }),
  );
}

adapter('a wrong emulator and wrong options are refused, and leave nothing', async () => {
  const machine = await openMachine('release', { drives: [{ size: SIZE }] });
  const before = machine.buffers.freeBytes;
  const isConfigError = (error: unknown) => error instanceof ConfigError;
  await withEmulator(false, async (emulator) => {
    assert.throws(() => attachV86(emulator, machine), isConfigError);
  });
  assert.throws(() => attachV86({}, machine), isConfigError);
  await withEmulator(true, async (emulator) => {
    for (const queueSize of [0, 3, 100, 2048])
      assert.throws(() => attachV86(emulator, machine, { queueSize }), isConfigError);
    assert.throws(() => attachV86(emulator, machine, { drive: 1 }), isConfigError);
    const other = machine.virtioBlk();
    assert.throws(() => attachV86(emulator, machine), fails('EBUSY'));
    other.close();
  });
  assert.is(machine.buffers.freeBytes, before);
  machine.close();
});

adapter.run();
