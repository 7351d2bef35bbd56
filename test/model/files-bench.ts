// A machine with a volume, a flat file and a drive beside naive models of their files, and random calls on both.
//
// Verbs: FilesBench.open, step, flight, end. After every call the answer, the size and (for reads) the bytes are those of the
// model and every rule of machineCheck holds. `flight` puts AIO requests on ranges of their own in the air and lets other
// calls run meanwhile. `end` syncs, compares everything, checks and mounts the volume again.
// Invariant: everything follows from the seed.

import * as assert from 'uvu/assert';
import {
  OPEN_APPEND,
  OPEN_CREATE,
  OPEN_DIRECT,
  OPEN_DSYNC,
  OPEN_READ,
  OPEN_SYNC,
  OPEN_TRUNCATE,
  OPEN_WRITE,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../assembly/layout.ts';
import type { AioContext } from '../../src/aio.ts';
import type { AioRequest } from '../../src/aio-request.ts';
import type { CoreExports } from '../../src/core/exports.ts';
import { EVICTIONS, type MachineConfig } from '../../src/core/options.ts';
import type { Machine } from '../../src/machine.ts';
import { RawVolume } from '../assembly/files/volume/raw-volume.ts';
import { type Build, brokenRule, NO_POOL_IN_USE, openMachine, poolsInUse } from '../support/machine.ts';
import { NaiveFile, Random } from './naive-files.ts';

const ENXIO = -6;
const EINVAL = -22;
const ENOSPC = -28;
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const SECTOR = 512;
/** The longest transfer, and how far into a file of the volume calls reach. */
const LONGEST = 49152;
export const REACH = 196608;
const DRIVE_SIZE = 131072;
const FLAT_CAPACITY = 65536;
const DESCRIPTORS_A_FILE = 4;
const FALLOCATE_MODES = [0, 1, 3, 3, 16, 17] as const;

/** What varies from machine to machine. */
export interface Setup {
  readonly config: MachineConfig;
  readonly cachePages: number;
  readonly blockSize: number;
  /** The volume may run out of blocks or extents. */
  readonly isTight: boolean;
}

export interface Descriptor {
  readonly fd: number;
  readonly file: NaiveFile;
  readonly flags: number;
}

interface Flown {
  readonly request: AioRequest;
  readonly descriptor: Descriptor;
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

export function setupFor(random: Random): Setup {
  const blockSize = random.pick([512, 1024, 2048, 4096, 4096]);
  const cachePages = random.pick([1, 2, 3, 5, 8, 16, 40, 200]);
  const isTight = random.oneIn(4);
  const drive = {
    ...(random.oneIn(2) ? { model: 'fixed' as const, latencyNs: random.pick([1, 1000, 1000000]) } : {}),
    channels: random.pick([1, 2, 4]),
    queueDepth: random.pick([1, 2, 256]),
    volatileWrites: random.pick([0, 5, 4096]),
  };
  const vm = random.pick<MachineConfig['vm']>([
    { dirtyBytes: '64GiB', dirtyBackgroundBytes: '32GiB', dirtyWritebackCentisecs: 0 },
    { dirtyBytes: 8192, dirtyBackgroundBytes: 4096 },
    { dirtyBytes: 65536, dirtyBackgroundBytes: 16384, dirtyWritebackCentisecs: 1, dirtyExpireCentisecs: 2 },
    {},
  ]);
  return {
    cachePages,
    blockSize,
    isTight,
    config: {
      drives: [
        { ...drive, size: isTight ? 262144 : 2097152 },
        { ...drive, size: DRIVE_SIZE },
        { ...drive, size: FLAT_CAPACITY },
      ],
      files: [{ name: 'flat', drive: 2, capacity: FLAT_CAPACITY, size: random.below(9000) }],
      volume: { inodes: 16, extents: isTight && random.oneIn(2) ? 96 : 4096 },
      blockSize,
      cache: cachePages * 4096,
      eviction: random.pick(EVICTIONS),
      readahead: random.pick([0, 16384, 131072]),
      merge: random.oneIn(2),
      ...(vm === undefined ? {} : { vm }),
      buffers: '2MiB',
      aioMaxNr: 256,
      limits: {
        bios: random.pick([4, 5, 16, 4096]),
        maxSectors: random.pick([8, 64, 2560]),
        maxSegments: random.pick([1, 3, 128]),
        virtioRequests: 0,
      },
    },
  };
}

export class FilesBench {
  readonly machine: Machine;
  readonly random: Random;
  readonly setup: Setup;
  readonly volume: RawVolume;
  readonly buffer: number;
  readonly #flightBuffer: number;
  #context: AioContext | undefined;
  readonly #names = new Map<string, NaiveFile>();
  readonly descriptors: Descriptor[] = [];
  readonly #flown = new Map<number, Flown>();
  #flights = 0;
  calls = 0;
  /** What unmount may answer: errors of write-back that it has not told of. */
  unmountAnswers: readonly number[] = [0];
  /** A mount may find a file shorter than it was. */
  mayLoseEnds = false;
  #last: string[] = [];

  constructor(machine: Machine, random: Random, setup: Setup) {
    this.machine = machine;
    this.random = random;
    this.setup = setup;
    this.volume = new RawVolume(machine);
    this.buffer = machine.buffers.allocate(LONGEST + 4096, 4096);
    this.#flightBuffer = machine.buffers.allocate(16 * 16384, 4096);
  }

  /** `open` makes the machine of the seed's config. */
  static async open(build: Build, seed: number, open = openMachine): Promise<FilesBench> {
    const random = new Random(seed);
    const setup = setupFor(random);
    const bench = new FilesBench(await open(build, setup.config), random, setup);
    bench.begin();
    return bench;
  }

  /** Opens the drive and the flat file. */
  begin(): void {
    const flatSize = Number(this.setup.config.files?.[0]?.size);
    const drive = new NaiveFile('drive', DRIVE_SIZE, DRIVE_SIZE);
    const flat = new NaiveFile('flat', flatSize, FLAT_CAPACITY);
    for (const [number, file] of [
      [1, drive],
      [3, flat],
    ] as const) {
      for (const flags of [0, OPEN_DIRECT, OPEN_APPEND, OPEN_DSYNC | OPEN_DIRECT]) {
        const fd = this.call((exports) => exports.fileOpen(number, OPEN_READ | OPEN_WRITE | flags));
        this.descriptors.push({ fd, file, flags });
      }
    }
  }

  call(body: (exports: CoreExports) => number): number {
    this.calls++;
    return this.machine.core.call(body);
  }

  /** What went before, for the message of a failure. */
  get story(): string {
    return this.#last.join('\n');
  }

  tell(what: string): void {
    this.#last.push(what);
    if (this.#last.length > 12) this.#last.shift();
  }

  noise(length: number): Uint8Array {
    const bytes = this.machine.core.memory.bytes.subarray(this.buffer, this.buffer + length);
    const first = 1 + this.random.below(255);
    for (let at = 0; at < length; at++) bytes[at] = first + at * 7 + (at >> 8);
    return bytes;
  }

  /** A position: anywhere, at a block, or near the end of the file. */
  place(file: NaiveFile): number {
    const reach = file.kind === 'volume' ? REACH - LONGEST : file.capacity;
    const random = this.random;
    switch (random.below(5)) {
      case 0:
        return random.below(reach / this.setup.blockSize) * this.setup.blockSize;
      case 1:
        return Math.min(Math.max(file.size + random.below(9) - 4, 0), reach);
      case 2:
        return random.below(Math.min(20000, reach));
      default:
        return random.below(reach);
    }
  }

  length(): number {
    const random = this.random;
    switch (random.below(6)) {
      case 0:
        return 1 + random.below(10);
      case 1:
        return this.setup.blockSize * (1 + random.below(4));
      case 2:
        return 1 + random.below(LONGEST);
      default:
        return 1 + random.below(6000);
    }
  }

  /** The descriptor of a random file that nothing in flight uses. */
  #descriptor(): Descriptor {
    const idle = this.descriptors.filter(({ file }) => !this.#isInFlight(file));
    return this.random.pick(idle.length > 0 ? idle : this.descriptors);
  }

  #isInFlight(file: NaiveFile): boolean {
    for (const { descriptor } of this.#flown.values()) if (descriptor.file === file) return true;
    return false;
  }

  /** One random call. */
  step(): void {
    const kind = this.random.below(100);
    const descriptor = this.#descriptor();
    if (this.#isInFlight(descriptor.file)) return;
    if (kind < 32) this.#write(descriptor);
    else if (kind < 62) this.#read(descriptor);
    else if (kind < 68) this.#sync(descriptor);
    else if (kind < 74) this.#truncate(descriptor);
    else if (kind < 82) this.#fallocate(descriptor);
    else if (kind < 85) this.#syncRange(descriptor);
    else if (kind < 89) this.#seek(descriptor);
    else if (kind < 91) this.#advise(descriptor);
    else if (kind < 92) this.#drop();
    else if (kind < 97) this.#name();
    else this.#pass();
    this.#compareSize(descriptor);
    this.checkRules();
  }

  checkRules(): void {
    const broken = brokenRule(this.machine);
    if (broken !== '') assert.unreachable(broken);
  }

  #compareSize({ fd, file }: Descriptor): void {
    if (!this.descriptors.some((one) => one.fd === fd)) return;
    assert.is(
      this.machine.core.call((exports) => exports.fileSize(fd)),
      file.size,
      'size',
    );
  }

  #write(descriptor: Descriptor): void {
    const { fd, file, flags } = descriptor;
    const isDirect = (flags & OPEN_DIRECT) !== 0;
    const unit = isDirect && !this.random.oneIn(30) ? SECTOR : 1;
    const at = Math.floor(this.place(file) / unit) * unit;
    const length = Math.ceil(this.length() / unit) * unit;
    const isAppend = (flags & OPEN_APPEND) !== 0 && file.kind !== 'drive';
    // the model's array ends there
    if (isAppend && file.kind === 'volume' && file.size + length > REACH) return;
    const bytes = this.noise(length);
    this.tell(`write ${fd} ${file.kind} flags ${flags} ${at} ${length} size ${file.size}`);
    const result = this.call((exports) => exports.filePwrite(fd, this.buffer, length, at));
    const start = isAppend ? file.size : at;
    const room = Math.max(0, file.capacity - start);
    if (isDirect && (at | length) % SECTOR !== 0) {
      assert.is(result, EINVAL, 'a direct write of parts of sectors');
      return;
    }
    if (room === 0) {
      assert.is(result, ENOSPC, 'a write behind the end');
      return;
    }
    const wanted = Math.min(length, room);
    if (file.kind === 'volume' && this.setup.isTight && result !== wanted) {
      assert.ok(result === ENOSPC || (result > 0 && result < wanted), `a write on a full volume: ${result}`);
      if (isDirect && result < 0) this.#adopt(descriptor, start, Uint8Array.from(bytes));
      else if (result > 0) file.write(start, bytes.subarray(0, result));
      return;
    }
    assert.is(result, wanted, 'bytes written');
    file.write(start, bytes.subarray(0, wanted));
  }

  /** A call failed half-way: each byte is as it was, as it was to become, or zero. What is there is taken over. */
  #adopt({ fd, file }: Descriptor, start: number, bytes: Uint8Array): void {
    const size = this.machine.core.call((exports) => exports.fileSize(fd));
    file.size = size;
    const length = Math.min(bytes.length, Math.max(0, size - start));
    if (length === 0) return;
    const plain = this.descriptors.find((one) => one.file === file && (one.flags & OPEN_DIRECT) === 0);
    const got =
      plain === undefined ? this.#readAround(fd, start, length) : this.#readExactly(plain.fd, start, length);
    for (let at = 0; at < length; at++) {
      const byte = got[at] as number;
      const isKnown = byte === 0 || byte === file.bytes[start + at] || byte === bytes[at];
      if (!isKnown) assert.unreachable(`byte ${start + at} is ${byte} after a call that failed`);
    }
    file.bytes.set(got, start);
  }

  #readExactly(fd: number, at: number, length: number): Uint8Array {
    const got = this.machine.core.call((exports) => exports.filePread(fd, this.buffer, length, at));
    assert.is(got, length);
    return this.machine.core.memory.bytes.slice(this.buffer, this.buffer + length);
  }

  /** The same through a direct descriptor. */
  #readAround(fd: number, at: number, length: number): Uint8Array {
    const first = Math.floor(at / SECTOR) * SECTOR;
    const whole = Math.ceil((at + length - first) / SECTOR) * SECTOR;
    this.machine.core.call((exports) => exports.filePread(fd, this.buffer, whole, first));
    const start = this.buffer + at - first;
    return this.machine.core.memory.bytes.slice(start, start + length);
  }

  #read({ fd, file, flags }: Descriptor): void {
    const isDirect = (flags & OPEN_DIRECT) !== 0;
    const unit = isDirect ? SECTOR : 1;
    const at = Math.floor(this.place(file) / unit) * unit;
    const length = Math.ceil(this.length() / unit) * unit;
    this.tell(`read ${fd} ${file.kind} flags ${flags} ${at} ${length} size ${file.size}`);
    const result = this.call((exports) => exports.filePread(fd, this.buffer, length, at));
    const expected = file.read(at, length);
    assert.is(result, expected.length, 'bytes read');
    this.compare(this.machine.core.memory.bytes.subarray(this.buffer, this.buffer + result), expected, at);
  }

  compare(got: Uint8Array, expected: Uint8Array, at: number): void {
    if (Buffer.compare(got, expected) === 0) return;
    let index = 0;
    while (got[index] === expected[index]) index++;
    assert.unreachable(`byte ${at + index} is ${got[index]}, not ${expected[index]}`);
  }

  #sync({ fd, file }: Descriptor): void {
    const dataOnly = this.random.below(2);
    const isAll = file.kind === 'volume' && this.random.oneIn(6);
    this.tell(`sync ${fd} ${isAll ? 'all' : dataOnly}`);
    const result = this.call((exports) =>
      isAll ? exports.volumeSyncfs(fd) : exports.fileSync(fd, dataOnly),
    );
    assert.is(result, 0, 'sync');
  }

  #syncRange({ fd, file }: Descriptor): void {
    const [at, length, flags] = [this.place(file), this.random.below(50000), this.random.below(8)];
    this.tell(`sync range ${fd} ${at} ${length} ${flags}`);
    assert.is(
      this.call((exports) => exports.fileSyncRange(fd, at, length, flags)),
      0,
    );
  }

  #advise({ fd, file }: Descriptor): void {
    const [at, length, advice] = [this.place(file), this.length(), this.random.below(6)];
    this.tell(`advise ${fd} ${at} ${length} ${advice}`);
    assert.is(
      this.call((exports) => exports.fileAdvise(fd, at, length, advice)),
      0,
    );
  }

  #drop(): void {
    this.tell('drop');
    assert.ok(this.call((exports) => exports.cacheDrop()) >= 0);
  }

  #truncate({ fd, file }: Descriptor): void {
    const size = this.place(file);
    this.tell(`truncate ${fd} ${file.kind} ${size} from ${file.size}`);
    const result = this.call((exports) => exports.fileTruncate(fd, size));
    if (file.kind === 'drive') {
      assert.is(result, EINVAL);
      return;
    }
    assert.is(result, 0, 'truncate');
    file.resize(size);
  }

  #fallocate(descriptor: Descriptor): void {
    const { fd, file } = descriptor;
    if (file.kind !== 'volume') return;
    const [at, length] = [this.place(file), this.length()];
    const mode = this.random.pick(FALLOCATE_MODES);
    this.tell(`fallocate ${fd} mode ${mode} ${at} ${length} size ${file.size}`);
    const result = this.call((exports) => exports.fileFallocate(fd, mode, at, length));
    if (result === ENOSPC && this.setup.isTight) {
      if (mode > 1) this.#adopt(descriptor, at, new Uint8Array(length));
      return;
    }
    assert.is(result, 0, 'fallocate');
    if (mode > 1) file.zero(at, length);
    if ((mode & 1) === 0) file.resize(Math.max(file.size, at + length));
  }

  #seek({ fd, file }: Descriptor): void {
    const at = this.place(file);
    this.tell(`seek ${fd} ${at} size ${file.size}`);
    const data = this.call((exports) => exports.fileSeek(fd, at, SEEK_DATA));
    const hole = this.call((exports) => exports.fileSeek(fd, at, SEEK_HOLE));
    if (at >= file.size) {
      assert.equal([data, hole], [ENXIO, ENXIO], 'seek behind the end');
      return;
    }
    assert.ok(data === ENXIO || (data >= at && data < file.size), `data at ${data}`);
    assert.ok(hole >= at && hole <= file.size, `hole at ${hole}`);
    assert.ok(file.isZero(at, data === ENXIO ? file.size : data), 'bytes before the first data');
    const blockEnd = (Math.floor(hole / this.setup.blockSize) + 1) * this.setup.blockSize;
    assert.ok(file.isZero(hole, blockEnd), 'bytes of the hole');
    assert.ok((data === at) !== (hole === at), 'data or hole');
  }

  /** Opens, closes, unlinks, links or renames. */
  #name(): void {
    const random = this.random;
    const name = random.pick(NAMES);
    const file = this.#names.get(name);
    const kind = random.below(8);
    if (kind === 0) this.#unlink(name, file);
    else if (kind === 1) this.#rename(name, random.pick(NAMES));
    else if (kind === 2) this.#link(name, random.pick(NAMES));
    else if (kind < 5) this.#close();
    else this.#open(name, file);
  }

  #open(name: string, known: NaiveFile | undefined): void {
    const open = this.descriptors.filter(({ file }) => file === known).length;
    if (known !== undefined && open >= DESCRIPTORS_A_FILE) return;
    const kinds = [0, 0, OPEN_APPEND, OPEN_DIRECT, OPEN_DSYNC, OPEN_SYNC, OPEN_DIRECT | OPEN_DSYNC];
    const flags = this.random.pick(kinds);
    const isTruncating = this.random.oneIn(6) && !(known !== undefined && this.#isInFlight(known));
    const extra = isTruncating ? OPEN_TRUNCATE : 0;
    this.tell(`open ${name} ${flags} ${extra}`);
    this.calls++;
    const fd = this.volume.openFile(name, OPEN_READ | OPEN_WRITE | OPEN_CREATE | flags | extra);
    if (fd === ENOSPC) return;
    assert.ok(fd >= 0, `open: ${fd}`);
    const file = known ?? new NaiveFile('volume', 0, REACH);
    if (isTruncating) file.resize(0);
    if (known === undefined) file.links = 1;
    this.#names.set(name, file);
    this.descriptors.push({ fd, file, flags });
  }

  #close(): void {
    const closable = this.descriptors.filter(({ file }) => file.kind === 'volume' && !this.#isInFlight(file));
    if (closable.length === 0) return;
    const closed = this.random.pick(closable);
    this.tell(`close ${closed.fd}`);
    this.calls++;
    assert.is(this.volume.close(closed.fd), 0);
    this.descriptors.splice(this.descriptors.indexOf(closed), 1);
  }

  #unlink(name: string, file: NaiveFile | undefined): void {
    this.tell(`unlink ${name}`);
    this.calls++;
    assert.is(this.volume.unlink(name), file === undefined ? -2 : 0);
    this.#names.delete(name);
  }

  #rename(from: string, to: string): void {
    const moved = this.#names.get(from);
    this.tell(`rename ${from} ${to}`);
    this.calls++;
    assert.is(this.volume.rename(from, to), moved === undefined ? -2 : 0);
    if (moved === undefined || moved === this.#names.get(to)) return;
    this.#names.delete(from);
    this.#names.set(to, moved);
  }

  #link(from: string, to: string): void {
    const linked = this.#names.get(from);
    this.tell(`link ${from} ${to}`);
    this.calls++;
    const result = this.volume.link(from, to);
    if (linked === undefined) assert.is(result, -2);
    else if (this.#names.has(to)) assert.is(result, -17);
    else if (result !== ENOSPC) this.#names.set(to, linked);
  }

  /** Time passes. */
  #pass(): void {
    const nanoseconds = this.random.pick([0, 1, 1000, 1e6, 1e9, 6e9, 36e9]);
    this.tell(`advance ${nanoseconds}`);
    this.calls++;
    this.machine.advance(nanoseconds);
  }

  // ---- requests in flight ----

  /** Some requests at once, each on a range of its own; holds, releases and other calls meanwhile. */
  flight(): void {
    this.#context ??= this.machine.createAioContext(64);
    this.#launch(1 + this.random.below(12));
    const isHolding = this.random.oneIn(2);
    const held = this.random.below(3);
    if (isHolding) this.machine.holdCompletions(true, held);
    for (let turn = this.random.below(6); turn > 0; turn--) {
      if (isHolding && this.machine.heldCompletions(held) > 0 && this.random.oneIn(2))
        this.machine.releaseCompletion(this.random.below(this.machine.heldCompletions(held)), held);
      else if (this.random.oneIn(3)) this.machine.advance(this.random.below(3000));
      else if (this.random.oneIn(2)) this.machine.step();
      else if (!isHolding) this.step();
      this.checkRules();
    }
    if (isHolding) this.machine.holdCompletions(false, held);
    this.#land();
    this.checkRules();
  }

  #launch(count: number): void {
    const requests: AioRequest[] = [];
    for (let number = 0; number < count; number++) {
      const request = this.#request(number);
      if (request !== undefined) requests.push(request);
    }
    if (requests.length === 0) return;
    this.calls += requests.length;
    assert.is(this.#context?.submit(requests), requests.length);
  }

  #request(number: number): AioRequest | undefined {
    const descriptor = this.random.pick(this.descriptors);
    const { file, flags, fd } = descriptor;
    if ((flags & OPEN_APPEND) !== 0) return undefined;
    const data = ++this.#flights;
    if (this.random.oneIn(8)) {
      const request: AioRequest = { op: 'fdsync', file: { descriptor: fd }, data };
      this.#flown.set(data, { request, descriptor, start: 0, end: 0, bytes: new Uint8Array(0) });
      this.tell(`flight ${data}: fdsync ${fd}`);
      return request;
    }
    const isDirect = (flags & OPEN_DIRECT) !== 0;
    const isRead = this.random.oneIn(2);
    const unit = isDirect ? 4096 : 1;
    const start = Math.floor(this.place(file) / unit) * unit;
    const length = isDirect ? unit * (1 + this.random.below(3)) : 1 + this.random.below(12000);
    const limit = isRead ? file.size : file.kind === 'volume' ? REACH : file.capacity;
    const end = Math.min(start + length, Math.floor(limit / unit) * unit);
    if (end <= start || !this.#isClear(descriptor, start, end)) return undefined;
    const buffer = this.#flightBuffer + number * 16384;
    const room = this.machine.core.memory.bytes.subarray(buffer, buffer + end - start);
    const bytes = isRead ? new Uint8Array(0) : Uint8Array.from(this.noise(end - start));
    room.set(isRead ? new Uint8Array(end - start) : bytes);
    const op = isRead ? 'pread' : 'pwrite';
    const request: AioRequest = {
      op,
      file: { descriptor: fd },
      buffer,
      length: end - start,
      offset: start,
      data,
    };
    this.#flown.set(data, { request, descriptor, start, end, bytes });
    this.tell(
      `flight ${data}: ${op} ${fd} ${file.kind} flags ${flags} ${start} ${end - start} size ${file.size}`,
    );
    return request;
  }

  /** Nothing in flight touches the range: its bytes, or for direct I/O its pages. */
  #isClear({ file, flags }: Descriptor, start: number, end: number): boolean {
    for (const other of this.#flown.values()) {
      if (other.descriptor.file !== file || other.end === 0) continue;
      const isDirect = ((flags | other.descriptor.flags) & OPEN_DIRECT) !== 0;
      const unit = isDirect ? 4096 : 1;
      const first = Math.floor(other.start / unit) * unit;
      const last = Math.ceil(other.end / unit) * unit;
      if (start < last && end > first) return false;
    }
    return true;
  }

  #land(): void {
    if (this.#flown.size === 0) return;
    for (const { data, res } of this.#context?.getEvents({ min: this.#flown.size }) ?? []) {
      const flown = this.#flown.get(data);
      assert.ok(flown, 'an event of a request that is not in flight');
      this.#flown.delete(data);
      this.#landOne(flown, res);
    }
    assert.is(this.#flown.size, 0, 'requests that never ended');
  }

  #landOne({ request, descriptor, start, end, bytes }: Flown, result: number): void {
    const { file, flags } = descriptor;
    this.tell(`landed ${request.data}: ${result}`);
    if (request.op === 'fdsync') {
      assert.is(result, 0);
    } else if (request.op === 'pread') {
      assert.is(result, end - start, 'bytes read');
      const buffer = request.buffer as number;
      this.compare(
        this.machine.core.memory.bytes.subarray(buffer, buffer + result),
        file.read(start, result),
        start,
      );
    } else if (file.kind === 'volume' && this.setup.isTight && result !== end - start) {
      assert.ok(result === ENOSPC || (result > 0 && result < end - start), `${result} on a full volume`);
      if (result > 0) file.write(start, bytes.subarray(0, result));
      else if ((flags & OPEN_DIRECT) !== 0) this.#unclear.push([descriptor, start, bytes]);
    } else {
      assert.is(result, end - start, 'bytes written');
      file.write(start, bytes);
    }
    if (this.#flown.size > 0) return;
    for (const [one, at, wanted] of this.#unclear.splice(0)) this.#adopt(one, at, wanted);
  }

  readonly #unclear: [Descriptor, number, Uint8Array][] = [];

  // ---- the end ----

  /** Everything to the drive, everything compared, the volume checked, left and mounted again. */
  end(): void {
    const { machine, volume } = this;
    this.tell('end');
    this.#context?.destroy();
    assert.is(volume.syncAll(), 0, 'syncfs');
    for (const { fd } of this.descriptors)
      assert.is(
        this.call((exports) => exports.fileSync(fd, 0)),
        0,
      );
    assert.is(machine.counters.cache.nrDirty, 0, 'dirty after sync');
    assert.is(machine.counters.cache.nrWriteback, 0, 'under write-back after sync');
    for (const { file, fd, flags } of this.descriptors) {
      if ((flags & OPEN_DIRECT) === 0) this.compareAll(fd, file);
    }
    for (const { file } of this.descriptors.slice(0, 1)) {
      const onDrive = new Uint8Array(file.size);
      machine.memory(1).read(onDrive, 0);
      this.compare(onDrive, file.bytes, 0);
    }
    assert.equal(volume.check(), [], 'volumeCheck');
    for (const { fd, file } of this.descriptors) if (file.kind === 'volume') volume.close(fd);
    const unmounted = volume.unmount();
    assert.ok(this.unmountAnswers.includes(unmounted), `unmount: ${unmounted}`);
    machine.run();
    assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
    this.checkRules();
    assert.is(volume.mount(), 0, 'mount');
    assert.equal(volume.names('/'), [...this.#names.keys()].sort());
    for (const [name, file] of this.#names) {
      const fd = volume.openFile(name);
      this.tell(`mounted again: ${name}`);
      const size = this.call((exports) => exports.fileSize(fd));
      // an end whose write-back failed has never reached the drive
      if (this.mayLoseEnds && size < file.size) file.resize(size);
      this.compareAll(fd, file);
      volume.close(fd);
    }
    assert.equal(volume.check(), [], 'volumeCheck');
    this.checkRules();
  }

  compareAll(fd: number, file: NaiveFile): void {
    assert.is(
      this.call((exports) => exports.fileSize(fd)),
      file.size,
      'size',
    );
    for (let at = 0; at < file.size; at += LONGEST) {
      const length = Math.min(LONGEST, file.size - at);
      this.compare(this.#readExactly(fd, at, length), file.read(at, length), at);
    }
  }
}

const CALLS = 1500;

/** Plays `turn` on one machine a seed until each has seen CALLS calls; SECTORLAB_SEEDS=first:count in the environment says which instead. */
export async function holdsForSeeds(
  build: Build,
  seeds: readonly [first: number, count: number],
  turn: (bench: FilesBench) => void,
  open: (build: Build, seed: number) => Promise<FilesBench> = (build, seed) => FilesBench.open(build, seed),
): Promise<void> {
  const wanted = process.env.SECTORLAB_SEEDS?.split(':').map(Number);
  const [first = seeds[0], count = seeds[1]] = wanted ?? seeds;
  let total = 0;
  for (let seed = first; seed < first + count; seed++) {
    const bench = await open(build, seed);
    try {
      while (bench.calls < CALLS) turn(bench);
      bench.end();
    } catch (error) {
      const setup = JSON.stringify(bench.setup);
      throw new Error(`${build}, seed ${seed}, ${setup}\n${bench.story}\n${(error as Error).message}`, {
        cause: error,
      });
    }
    total += bench.calls;
  }
  console.log(`${build}: seeds ${first} to ${first + count - 1}, ${total} calls`);
  assert.ok(total >= count * CALLS);
}
