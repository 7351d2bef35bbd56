// QEMU's merge buffer: every worked example of which guest requests become one I/O, in which order, with which members.
//
// A row says what stands on the ring and what must be issued. Rows of reads and writes alone are given to the buffer
// itself; then every row goes through a whole device, where the order is read from the machine's records, the members
// from the used ring, and the bytes from the drive. Of two writes to one sector the one that came first stays first.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../assembly/layout.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';
import { GuestQueue, type Put } from './queue.ts';

/** One I/O: `W0+24`, and which requests of the ring it serves, counted from 0; a flush or discard has one. */
type Issued = readonly [io: string, members: readonly number[]];

interface Row {
  readonly name: string;
  /** `W 0+8` is a write of 8 sectors at 0; `/600` in 600 pieces; `F` a flush, `D` a discard of sectors 4096 to 4103. */
  readonly ring: readonly string[];
  readonly issued: readonly Issued[];
  /** What reaches the file, where it is not what multireq issued. */
  readonly operations?: readonly string[];
  readonly merged: { readonly reads?: number; readonly writes?: number };
  readonly maxTransfer?: number;
  readonly sectors?: number;
  readonly isMerging?: boolean;
  /** Requests that are refused at once. */
  readonly refused?: readonly number[];
}

const SEED = 20240620;
const DISCARD_SECTOR = 4096;
const DISCARD_SECTORS = 8;
const DRIVE_SECTORS = 16384;

const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);
const writes = (count: number, sector: (index: number) => number) =>
  range(0, count).map((index) => `W${sector(index)}+8`);

const ROWS: readonly Row[] = [
  {
    name: '1: three writes in order are one',
    ring: ['W0+8', 'W8+8', 'W16+8'],
    issued: [['W0+24', [0, 1, 2]]],
    merged: { writes: 2 },
  },
  {
    name: '2: three writes out of order are one, by sector',
    ring: ['W16+8', 'W0+8', 'W8+8'],
    issued: [['W0+24', [1, 2, 0]]],
    merged: { writes: 2 },
  },
  {
    name: '3: a gap starts a new I/O',
    ring: ['W0+8', 'W16+8', 'W24+8'],
    issued: [
      ['W0+8', [0]],
      ['W16+16', [1, 2]],
    ],
    merged: { writes: 1 },
  },
  {
    name: '4: shuffled reads become two I/Os',
    ring: ['R40+8', 'R0+8', 'R32+8', 'R8+8'],
    issued: [
      ['R0+16', [1, 3]],
      ['R32+16', [2, 0]],
    ],
    merged: { reads: 2 },
  },
  {
    name: '5: a change of direction pushes the buffer out',
    ring: ['W0+8', 'W8+8', 'R16+8', 'R24+8', 'W16+8'],
    issued: [
      ['W0+16', [0, 1]],
      ['R16+16', [2, 3]],
      ['W16+8', [4]],
    ],
    merged: { writes: 1, reads: 1 },
  },
  {
    name: '6: alternating directions never merge',
    ring: ['W0+8', 'R100+8', 'W8+8', 'R108+8'],
    issued: [
      ['W0+8', [0]],
      ['R100+8', [1]],
      ['W8+8', [2]],
      ['R108+8', [3]],
    ],
    merged: {},
  },
  {
    name: '7: an overlap starts a new I/O',
    ring: ['W0+8', 'W4+8', 'W12+8'],
    issued: [
      ['W0+8', [0]],
      ['W4+16', [1, 2]],
    ],
    merged: { writes: 1 },
  },
  {
    name: '8: of two equal writes the later one joins what follows',
    ring: ['W0+8', 'W0+8', 'W8+8'],
    issued: [
      ['W0+8', [0]],
      ['W0+16', [1, 2]],
    ],
    merged: { writes: 1 },
  },
  {
    name: '9: an empty write merges with both neighbours',
    ring: ['W0+8', 'W8+0', 'W8+8'],
    issued: [['W0+16', [0, 1, 2]]],
    merged: { writes: 2 },
  },
  {
    name: '10: a flush pushes buffered writes out first',
    ring: ['W0+8', 'W8+8', 'F', 'W16+8'],
    issued: [
      ['W0+16', [0, 1]],
      ['F', [2]],
      ['W16+8', [3]],
    ],
    merged: { writes: 1 },
  },
  {
    name: '11: a flush leaves buffered reads where they are',
    ring: ['R0+8', 'R8+8', 'F', 'R16+8'],
    issued: [
      ['F', [2]],
      ['R0+24', [0, 1, 3]],
    ],
    merged: { reads: 2 },
  },
  {
    name: '12: a discard overtakes buffered writes',
    ring: ['W0+8', 'W8+8', 'D', 'W16+8'],
    issued: [
      ['D', [2]],
      ['W0+24', [0, 1, 3]],
    ],
    merged: { writes: 2 },
  },
  {
    name: '13: a write past the end is refused at once, and its neighbours still merge',
    ring: ['W0+8', 'W96+8', 'W8+8'],
    issued: [['W0+16', [0, 2]]],
    merged: { writes: 1 },
    sectors: 100,
    refused: [1],
  },
  {
    name: '14: an I/O ends where the next request would pass max_transfer',
    ring: ['W0+64', 'W64+64', 'W128+64', 'W192+64'],
    issued: [
      ['W0+128', [0, 1]],
      ['W128+128', [2, 3]],
    ],
    merged: { writes: 2 },
    maxTransfer: 65536,
  },
  {
    name: '15: requests of more than half of max_transfer stay alone',
    ring: ['W0+128', 'W128+128', 'W256+128', 'W384+128'],
    issued: [
      ['W0+128', [0]],
      ['W128+128', [1]],
      ['W256+128', [2]],
      ['W384+128', [3]],
    ],
    merged: {},
    maxTransfer: 102400,
  },
  {
    name: '16: a request above max_transfer is an I/O of its own',
    ring: ['W0+256', 'W256+8', 'W264+8'],
    issued: [
      ['W0+256', [0]],
      ['W256+16', [1, 2]],
    ],
    // cut lower down, one piece after the other
    operations: ['W0+128', 'W256+16', 'W128+128'],
    merged: { writes: 1 },
    maxTransfer: 65536,
  },
  {
    name: '17: 1,024 pieces are one I/O, one more is not',
    ring: ['W0+8/600', 'W8+8/424', 'W16+8/1'],
    issued: [
      ['W0+16', [0, 1]],
      ['W16+8', [2]],
    ],
    merged: { writes: 1 },
  },
  {
    name: '18: 1,025 pieces are two I/Os',
    ring: ['W0+8/600', 'W8+8/425', 'W16+8/1'],
    issued: [
      ['W0+8', [0]],
      ['W8+16', [1, 2]],
    ],
    merged: { writes: 1 },
  },
  {
    name: '19: the buffer is pushed out at 32 requests',
    ring: writes(70, (index) => index * 8),
    issued: [
      ['W0+256', range(0, 32)],
      ['W256+256', range(32, 32)],
      ['W512+48', range(64, 6)],
    ],
    merged: { writes: 67 },
  },
  {
    name: '20: descending writes merge within each 32',
    ring: writes(40, (index) => (39 - index) * 8),
    issued: [
      ['W64+256', range(0, 32).reverse()],
      ['W0+64', range(32, 8).reverse()],
    ],
    merged: { writes: 38 },
  },
  {
    name: '21: with merging off each request is an I/O',
    ring: ['W0+8', 'W8+8', 'W16+8'],
    issued: [
      ['W0+8', [0]],
      ['W8+8', [1]],
      ['W16+8', [2]],
    ],
    merged: {},
    isMerging: false,
  },
  {
    name: '22: the 33rd write of one notification is an I/O of its own',
    ring: writes(33, (index) => index * 8),
    issued: [
      ['W0+256', range(0, 32)],
      ['W256+8', [32]],
    ],
    merged: { writes: 31 },
  },
];

interface Transfer {
  readonly isWrite: boolean;
  readonly sector: number;
  readonly sectors: number;
  readonly pieces: number;
}

function parse(text: string): Transfer | undefined {
  const match = /^([RW])(\d+)\+(\d+)(?:\/(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const sectors = Number(match[3]);
  return {
    isWrite: match[1] === 'W',
    sector: Number(match[2]),
    sectors,
    pieces: Number(match[4] ?? (sectors === 0 ? 0 : 1)),
  };
}

const isTransfersOnly = (row: Row) => row.refused === undefined && row.ring.every((text) => parse(text));

// ---- the buffer itself ----

/** Submits the buffer as the device does: an I/O per run, with the numbers of the requests that it serves. */
function submit(unit: Unit, transfers: readonly Transfer[]): Issued[] {
  const letter = unit.exports.multireqIsWrite() !== 0 ? 'W' : 'R';
  const runs = unit.exports.multireqPlan(0);
  return range(0, runs).map((run): Issued => {
    const first = unit.exports.multireqRunFirst(run);
    const entries = range(first, unit.exports.multireqRunLength(run));
    const members = entries.map((entry) => unit.exports.multireqRequest(entry) - 1);
    const sectors = members.reduce((sum, member) => sum + (transfers[member] as Transfer).sectors, 0);
    return [`${letter}${transfers[members[0] as number]?.sector}+${sectors}`, members];
  });
}

function throughBuffer(unit: Unit, row: Row): Issued[] {
  unit.exports.multireqConfigure(row.maxTransfer ?? 0, 0, row.isMerging === false ? 0 : 1);
  const transfers = row.ring.map((text) => parse(text) as Transfer);
  const issued: Issued[] = [];
  transfers.forEach(({ isWrite, sector, sectors, pieces }, index) => {
    if (unit.exports.multireqIsFull(isWrite ? 1 : 0) !== 0) issued.push(...submit(unit, transfers));
    unit.exports.multireqAdd(index + 1, BigInt(sector), sectors * 512, pieces, isWrite ? 1 : 0);
  });
  issued.push(...submit(unit, transfers));
  return issued;
}

// ---- a whole device ----

/** What every byte of a sector is before anything is written. */
const OLD = 0x40;

async function openDevice(build: Build, row: Partial<Row>): Promise<[Machine, GuestQueue]> {
  const machine = await openMachine(build, {
    drives: [{ size: (row.sectors ?? DRIVE_SECTORS) * 512 }],
    records: 65536,
    merge: row.isMerging ?? true,
    maxTransfer: row.maxTransfer ?? 0,
  });
  const file = machine.openFile('drive0');
  const old = new Uint8Array((row.sectors ?? 1024) * 512).map((_, at) => OLD + ((at >> 9) & 63));
  file.write(old, 0);
  file.close();
  const queue = GuestQueue.attached(machine);
  // a flush does nothing before something has been written through the device (request-merging, row 43)
  const put = queue.put({ type: VIRTIO_BLK_T_OUT, sector: 0, pieces: [512] });
  queue.bytes.fill(OLD, put.data, put.data + 512);
  queue.kickAndRun();
  queue.takeUsed();
  return [machine, queue];
}

/** 512 × sectors in so many pieces: all of 6 bytes but the last. */
function pieceLengths({ sectors, pieces }: Transfer): number[] {
  if (pieces <= 1) return pieces === 0 ? [] : [sectors * 512];
  return range(0, pieces).map((index) => (index < pieces - 1 ? 6 : sectors * 512 - 6 * (pieces - 1)));
}

/** Puts request number `index` of a ring; a write's bytes are all index + 1. */
function putOne(queue: GuestQueue, text: string, index: number): Put {
  const transfer = parse(text);
  if (transfer !== undefined) {
    const put = queue.put({
      type: transfer.isWrite ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
      sector: transfer.sector,
      pieces: pieceLengths(transfer),
      isIn: !transfer.isWrite,
      isIndirect: transfer.pieces > 8,
    });
    queue.bytes.fill(transfer.isWrite ? index + 1 : 0xee, put.data, put.data + put.bytes);
    return put;
  }
  if (text === 'F') return queue.put({ type: VIRTIO_BLK_T_FLUSH });
  const put = queue.put({ type: VIRTIO_BLK_T_DISCARD, pieces: [16] });
  queue.view.setBigUint64(put.data, BigInt(DISCARD_SECTOR), true);
  queue.view.setUint32(put.data + 8, DISCARD_SECTORS, true);
  queue.view.setUint32(put.data + 12, 0, true);
  return put;
}

const OPERATION_NAMES = ['R', 'W', 'D', 'Z', 'S', 'F'];

/** The I/Os since the last call, in the order of issue: from multireq, and every operation that reached the file. */
function issuedOf(machine: Machine): { merged: [io: string, memberCount: number][]; operations: string[] } {
  const records = machine.records.take();
  const merged = records
    .filter(({ kind }) => kind === 'multireqIssued')
    .map(({ operation, address, count, detail }): [string, number] => [
      `${OPERATION_NAMES[operation]}${address}+${count}`,
      detail,
    ]);
  const operations = records
    .filter(({ kind }) => kind === 'operationStarted')
    .map(({ operation, address, count }) => {
      const letter = OPERATION_NAMES[operation] as string;
      return 'RW'.includes(letter) ? `${letter}${address / 512}+${count / 512}` : letter;
    });
  return { merged, operations };
}

/** Sectors of the drive after the I/Os of a row, a number for each, and what each read must find. */
function play(row: Row): { sectors: number[]; reads: Map<number, number[]> } {
  const sectors = range(0, row.sectors ?? 1024).map((sector) => OLD + (sector & 63));
  const reads = new Map<number, number[]>();
  for (const [, members] of row.issued) {
    for (const member of members) {
      const transfer = parse(row.ring[member] as string);
      if (transfer === undefined) continue;
      const { isWrite, sector, sectors: count } = transfer;
      if (isWrite) sectors.fill(member + 1, sector, sector + count);
      else reads.set(member, sectors.slice(sector, sector + count));
    }
  }
  return { sectors, reads };
}

const firstBytes = (bytes: Uint8Array) => {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at += 512) {
    const sector = bytes.subarray(at, at + 512);
    values.push(sector.every((byte) => byte === sector[0]) ? (sector[0] as number) : -1);
  }
  return values;
};

async function checkDevice(build: Build, row: Row): Promise<void> {
  const [machine, queue] = await openDevice(build, row);
  issuedOf(machine);
  const puts = row.ring.map((text, index) => putOne(queue, text, index));
  queue.kick();
  const refused = row.refused ?? [];
  assert.equal(
    queue.takeUsed().map(({ id }) => puts.findIndex(({ head }) => head === id)),
    refused,
    'only what is refused ends inside the notification',
  );
  machine.run();
  const used = queue.takeUsed().map(({ id }) => puts.findIndex(({ head }) => head === id));

  const { merged, operations } = issuedOf(machine);
  assert.equal(operations, row.operations ?? row.issued.map(([io]) => io));
  assert.equal(
    merged,
    row.issued.filter(([io]) => io.length > 1).map(([io, members]) => [io, members.length]),
  );
  for (const [io, members] of row.issued) {
    const at = used.indexOf(members[0] as number);
    assert.equal(used.slice(at, at + members.length), members, `the members of ${io} end in their order`);
  }
  assert.equal(
    used.toSorted((a, b) => a - b),
    row.ring.map((_, index) => index).filter((index) => !refused.includes(index)),
  );
  puts.forEach((put, index) => {
    assert.is(queue.statusOf(put), refused.includes(index) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
  });
  const { guest } = machine.counters;
  assert.is(guest.readsMerged, row.merged.reads ?? 0);
  assert.is(guest.writesMerged, row.merged.writes ?? 0);
  assert.is(guest.invalid, refused.length);

  const expected = play(row);
  for (const [member, values] of expected.reads)
    assert.equal(firstBytes(queue.dataOf(puts[member] as Put)), values);
  const file = machine.openFile('drive0');
  assert.equal(firstBytes(file.read(expected.sectors.length * 512, 0)), expected.sectors);
  file.close();
  assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
}

for (const build of BUILDS) {
  const multireq = suite(`multireq (${build})`);

  for (const row of ROWS.filter(isTransfersOnly)) {
    multireq(`the buffer, ${row.name}`, async () => {
      const issued = throughBuffer(await openUnit(build), row);
      assert.equal(issued, row.issued);
      const merged = issued.reduce((sum, [, members]) => sum + members.length - 1, 0);
      assert.is(merged, (row.merged.reads ?? 0) + (row.merged.writes ?? 0));
    });
  }

  for (const row of ROWS) {
    multireq(`the device, ${row.name}`, async () => {
      await checkDevice(build, row);
    });
  }

  multireq('the buffer does not outlive a notification: two of them are two I/Os', async () => {
    const [machine, queue] = await openDevice(build, {});
    issuedOf(machine);
    machine.holdCompletions(true);
    const puts = ['W0+8', 'W8+8'].map((text, index) => {
      const put = putOne(queue, text, index);
      assert.is(queue.kick(), 0);
      return put;
    });
    machine.holdCompletions(false);
    machine.run();
    assert.equal(issuedOf(machine).merged, [
      ['W0+8', 1],
      ['W8+8', 1],
    ]);
    assert.equal(
      queue.takeUsed().map(({ id }) => id),
      puts.map(({ head }) => head),
    );
    assert.is(machine.counters.guest.writesMerged, 0);
  });

  multireq('sectors compare as 64-bit numbers, not by the sign of their difference', async () => {
    const unit = await openUnit(build);
    unit.exports.multireqConfigure(0, 0, 1);
    const sectors = [2n ** 64n - 16n, 0n, 2n ** 63n, 2n ** 32n, 8n, 2n ** 63n - 8n];
    sectors.forEach((sector, index) => {
      unit.exports.multireqAdd(index + 1, sector, 4096, 1, 1);
    });
    assert.is(unit.exports.multireqPlan(0), 4);
    const order = range(0, sectors.length).map((entry) => unit.exports.multireqRequest(entry) - 1);
    assert.equal(order, [1, 4, 3, 5, 2, 0]);
    assert.is(unit.exports.multireqCount(), 0);
  });

  multireq('requests leave sorted by sector, equal sectors in the order of their coming', async () => {
    const unit = await openUnit(build);
    unit.exports.multireqConfigure(0, 0, 1);
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 32, size: 'max' }), (sectors) => {
        sectors.forEach((sector, index) => {
          unit.exports.multireqAdd(index, BigInt(sector), 512, 1, 0);
        });
        unit.exports.multireqPlan(0);
        const order = range(0, sectors.length).map((entry) => unit.exports.multireqRequest(entry));
        const expected = range(0, sectors.length).sort(
          (a, b) => (sectors[a] as number) - (sectors[b] as number),
        );
        assert.equal(order, expected);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  multireq.run();
}
