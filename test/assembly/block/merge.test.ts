// Plug and merge: which bios become one request, in which order requests go to the drive, and why others stay apart.
//
// Requests are direct AIO of whole sectors, given as [first sector, count]; one io_submit is one plug. What the drive was
// asked is read from the image's host: one merged request is one WASI call. Reasons come from the `queued` records.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  MERGE_FLAGS,
  MERGE_NO_CANDIDATE,
  MERGE_NOT_ADJACENT,
  MERGE_OPERATION_DIFFERS,
  MERGE_SWITCHED_OFF,
  MERGE_TOO_MANY_SECTORS,
  MERGE_TOO_MANY_SEGMENTS,
} from '../../../assembly/layout.ts';
import type { AioContext } from '../../../src/aio.ts';
import type { AioRequest } from '../../../src/aio-request.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { OpenFile } from '../../../src/files.ts';
import type { Machine } from '../../../src/machine.ts';
import { BUILDS, type Build, NO_POOL_IN_USE, poolsInUse } from '../../support/machine.ts';
import { type FlakyImage, openFlaky } from '../drive/flaky-image.ts';

type Piece = readonly [sector: number, count: number, kind?: 'read' | 'forced'];

/** Sectors of a buffer that every request shares. */
const BUFFER_SECTORS = 2560;

class Bench {
  readonly machine: Machine;
  readonly image: FlakyImage;
  readonly context: AioContext;
  readonly #plain: OpenFile;
  readonly #forced: OpenFile;
  readonly #buffer: number;

  private constructor(machine: Machine, image: FlakyImage) {
    this.machine = machine;
    this.image = image;
    this.context = machine.createAioContext(512);
    this.#plain = machine.openFile('drive0', { direct: true });
    this.#forced = machine.openFile('drive0', { direct: true, dsync: true });
    this.#buffer = machine.buffers.allocate(BUFFER_SECTORS * 512);
  }

  static async open(build: Build, config: MachineConfig = {}): Promise<Bench> {
    const { machine, image } = await openFlaky(build, {
      drives: [{ size: '64MiB' }],
      records: 4096,
      ...config,
    });
    return new Bench(machine, image);
  }

  request([sector, count, kind]: Piece, data = 0): AioRequest {
    return {
      op: kind === 'read' ? 'pread' : 'pwrite',
      file: kind === 'forced' ? this.#forced : this.#plain,
      buffer: this.#buffer,
      length: count * 512,
      offset: sector * 512,
      data,
    };
  }

  /** One io_submit. */
  submit(pieces: readonly Piece[]): void {
    const requests = pieces.map((piece, index) => this.request(piece, index));
    assert.is(this.context.submit(requests), pieces.length);
  }

  /** Runs to the end; every request that the drive was given, as [sector, count], in order. */
  finish(): (readonly [number, number])[] {
    this.machine.run();
    assert.equal(poolsInUse(this.machine), NO_POOL_IN_USE);
    return this.image
      .take()
      .filter(({ name }) => name !== 'sync')
      .map(({ offset, bytes }) => [offset / 512, bytes / 512] as const);
  }

  issued(pieces: readonly Piece[]): (readonly [number, number])[] {
    this.submit(pieces);
    return this.finish();
  }

  /** Low 8 bits of the detail of every `queued` record: why a bio became a request of its own. */
  reasons(): number[] {
    return this.machine.records
      .take()
      .flatMap(({ kind, detail }) => (kind === 'queued' ? [detail & 0xff] : []));
  }
}

const merging = suite('plug and merge');

/** [claim, config, pieces of one plug, requests to the drive]. */
const CASES: [string, MachineConfig, Piece[], [number, number][]][] = [
  [
    'sequential writes become one request',
    {},
    [
      [0, 8],
      [8, 8],
      [16, 8],
    ],
    [[0, 24]],
  ],
  [
    'sequential reads become one request',
    {},
    [
      [0, 8, 'read'],
      [8, 8, 'read'],
      [16, 8, 'read'],
    ],
    [[0, 24]],
  ],
  [
    'descending writes front-merge',
    {},
    [
      [16, 8],
      [8, 8],
      [0, 8],
    ],
    [[0, 24]],
  ],
  [
    'only the last request of the plug is tried (row 45)',
    {},
    [
      [0, 8],
      [16, 8],
      [8, 8],
    ],
    [
      [0, 8],
      [8, 16],
    ],
  ],
  [
    'a gap is not bridged',
    {},
    [
      [0, 8],
      [9, 8],
    ],
    [
      [0, 8],
      [9, 8],
    ],
  ],
  [
    'an overlap never merges',
    {},
    [
      [0, 8],
      [4, 8],
    ],
    [
      [0, 8],
      [4, 8],
    ],
  ],
  [
    'the same sectors never merge',
    {},
    [
      [0, 8],
      [0, 8],
    ],
    [
      [0, 8],
      [0, 8],
    ],
  ],
  [
    'merge: false merges nothing',
    { merge: false },
    [
      [0, 8],
      [8, 8],
    ],
    [
      [0, 8],
      [8, 8],
    ],
  ],
  [
    'a sum above maxSectors stays apart',
    { limits: { maxSectors: 16 } },
    [
      [0, 8],
      [8, 9],
    ],
    [
      [0, 8],
      [8, 9],
    ],
  ],
  [
    'a sum of exactly maxSectors merges',
    { limits: { maxSectors: 16 } },
    [
      [0, 8],
      [8, 8],
    ],
    [[0, 16]],
  ],
  [
    'a request that failed on sectors is not asked again, even for one that would fit',
    { limits: { maxSectors: 16 } },
    [
      [8, 8],
      [16, 9],
      [0, 8],
    ],
    [
      [8, 8],
      [16, 9],
      [0, 8],
    ],
  ],
  [
    'a sum above maxSegments stays apart',
    { limits: { maxSegments: 2 } },
    [
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ],
    [
      [0, 2],
      [2, 2],
    ],
  ],
  [
    'an oversized write is cut, and only its last part merges on',
    { limits: { maxSectors: 16 } },
    [
      [0, 40],
      [40, 4],
    ],
    [
      [0, 16],
      [16, 16],
      [32, 12],
    ],
  ],
];

for (const build of BUILDS) {
  for (const [claim, config, pieces, expected] of CASES) {
    merging(`${build}: ${claim}`, async () => {
      const bench = await Bench.open(build, config);
      assert.equal(bench.issued(pieces), expected);
      const { block, drive } = bench.machine.counters;
      const bios = pieces[0]?.[1] === 40 ? pieces.length + 2 : pieces.length;
      assert.is(block.reads + block.writes, expected.length);
      assert.is(block.readMerges + block.writeMerges, bios - expected.length);
      assert.is(drive.reads + drive.writes, expected.length);
    });
  }

  merging(`${build}: reads and writes never mix`, async () => {
    const bench = await Bench.open(build);
    bench.submit([
      [0, 8],
      [8, 8, 'read'],
      [16, 8],
    ]);
    assert.is(bench.finish().length, 3);
    assert.equal(bench.reasons(), [MERGE_NO_CANDIDATE, MERGE_OPERATION_DIFFERS, MERGE_OPERATION_DIFFERS]);
  });

  merging(
    `${build}: a forced write after a contiguous write is not merged, and bypasses the plug (row 46)`,
    async () => {
      const bench = await Bench.open(build);
      assert.equal(
        bench.issued([
          [0, 8],
          [8, 8, 'forced'],
          [16, 8, 'forced'],
        ]),
        [
          [8, 8],
          [16, 8],
          [0, 8],
        ],
      );
      assert.equal(bench.reasons(), [MERGE_NO_CANDIDATE, MERGE_FLAGS, MERGE_FLAGS]);
    },
  );

  merging(`${build}: each reason has its name in the record`, async () => {
    const reasonsOf = async (config: MachineConfig, pieces: Piece[]) => {
      const bench = await Bench.open(build, config);
      bench.issued(pieces);
      return bench.reasons();
    };
    assert.equal(
      await reasonsOf({}, [
        [0, 8],
        [9, 8],
      ]),
      [MERGE_NO_CANDIDATE, MERGE_NOT_ADJACENT],
    );
    assert.equal(
      await reasonsOf({ merge: false }, [
        [0, 8],
        [8, 8],
      ]),
      [MERGE_SWITCHED_OFF, MERGE_SWITCHED_OFF],
    );
    assert.equal(
      await reasonsOf({ limits: { maxSectors: 16 } }, [
        [8, 8],
        [16, 9],
        [0, 8],
      ]),
      [MERGE_NO_CANDIDATE, MERGE_TOO_MANY_SECTORS, MERGE_NOT_ADJACENT],
    );
    assert.equal(
      await reasonsOf({ limits: { maxSectors: 16 } }, [
        [8, 8],
        [16, 9],
        [25, 16],
        [0, 8],
      ]),
      [MERGE_NO_CANDIDATE, MERGE_TOO_MANY_SECTORS, MERGE_TOO_MANY_SECTORS, MERGE_NOT_ADJACENT],
    );
    assert.equal(
      await reasonsOf({ limits: { maxSegments: 1 } }, [
        [0, 1],
        [1, 1],
      ]),
      [MERGE_NO_CANDIDATE, MERGE_TOO_MANY_SEGMENTS],
    );
  });

  merging(`${build}: one merged request is one vectored WASI call with a piece for each bio`, async () => {
    const bench = await Bench.open(build);
    bench.submit([
      [0, 8],
      [8, 8],
      [16, 8],
    ]);
    bench.machine.run();
    bench.submit([
      [24, 8, 'read'],
      [32, 8, 'read'],
    ]);
    bench.machine.run();
    assert.equal(
      bench.image.take().map(({ name, pieces }) => [name, pieces]),
      [
        ['pwrite', 3],
        ['pread', 2],
      ],
    );
  });

  merging(`${build}: a merged request ends every bio with its own event and result`, async () => {
    const bench = await Bench.open(build);
    bench.submit([
      [8, 8],
      [16, 4],
      [0, 8],
    ]);
    const events = bench.context.getEvents({ min: 3 });
    assert.equal(events.map(({ data, res }) => [data, res]).sort(), [
      [0, 4096],
      [1, 2048],
      [2, 4096],
    ]);
    assert.equal(bench.finish(), [[0, 20]]);
  });

  merging(`${build}: merging moves the right bytes, in front and behind`, async () => {
    const { machine, image } = await openFlaky(build, { drives: [{ size: '1MiB' }] });
    const file = machine.openFile('drive0', { direct: true });
    const context = machine.createAioContext(8);
    const requests = [4, 5, 3, 6, 2].map((sector) => {
      const buffer = machine.buffers.allocate(512);
      machine.core.memory.bytes.fill(sector, buffer, buffer + 512);
      return { op: 'pwrite', file, buffer, length: 512, offset: sector * 512 } as const;
    });
    context.submit(requests);
    machine.run();
    assert.is(image.take('pwrite').length, 1);
    assert.equal(
      Array.from({ length: 5 }, (_, index) => file.read(512, (index + 2) * 512)[100]),
      [2, 3, 4, 5, 6],
    );
  });

  merging(`${build}: the plug is flushed when it holds 32 requests and one more comes`, async () => {
    const bench = await Bench.open(build);
    bench.machine.holdCompletions(true);
    // 33 that do not touch, then one behind the 32nd, which has left the plug
    const apart = Array.from({ length: 33 }, (_, index) => [index * 32, 8] as const);
    bench.submit([...apart, [31 * 32 + 8, 8]]);
    const order = bench.machine.records.take().map(({ kind }) => kind);
    const firstIssued = order.indexOf('issued');
    assert.is(order.slice(0, firstIssued).filter((kind) => kind === 'queued').length, 33);
    assert.is(order.slice(firstIssued, firstIssued + 32).filter((kind) => kind === 'issued').length, 32);
    bench.machine.holdCompletions(false);
    assert.is(bench.finish().length, 34);
  });

  merging(`${build}: the plug of two drives holds 64`, async () => {
    const { machine } = await openFlaky(build, {
      drives: [{ size: '1MiB' }, { size: '1MiB' }],
      records: 4096,
    });
    const files = ['drive0', 'drive1'].map((name) => machine.openFile(name, { direct: true }));
    const buffer = machine.buffers.allocate(512);
    const context = machine.createAioContext(128);
    context.submit(
      Array.from({ length: 66 }, (_, index) => ({
        op: 'pwrite' as const,
        file: files[index % 2] as OpenFile,
        buffer,
        length: 512,
        offset: index * 8192,
      })),
    );
    const order = machine.records.take().map(({ kind }) => kind);
    assert.is(order.slice(0, order.indexOf('issued')).filter((kind) => kind === 'queued').length, 65);
    machine.run();
  });

  merging(`${build}: a last request of 128 KiB flushes the plug before the next one`, async () => {
    for (const [sectors, queuedFirst] of [
      [256, 2],
      [255, 3],
    ] as const) {
      const bench = await Bench.open(build);
      bench.submit([
        [0, sectors],
        [1000, 8],
        [2000, 8],
      ]);
      const order = bench.machine.records.take().map(({ kind }) => kind);
      const queued = order.slice(0, order.indexOf('issued')).filter((kind) => kind === 'queued').length;
      assert.is(queued, queuedFirst, `${sectors} sectors`);
      bench.finish();
    }
  });

  merging(
    `${build}: a request that waits for the drive takes bios of later plugs, one with the drive does not`,
    async () => {
      const bench = await Bench.open(build, { drives: [{ size: '1MiB', queueDepth: 1 }] });
      bench.machine.holdCompletions(true);
      bench.submit([[0, 8]]);
      bench.submit([[100, 8]]);
      bench.submit([[8, 8]]);
      bench.submit([[108, 8]]);
      bench.submit([[92, 8]]);
      bench.machine.holdCompletions(false);
      // 100 waited and grew at both ends; 0 was with the drive when 8 came
      assert.equal(bench.finish(), [
        [0, 8],
        [92, 24],
        [8, 8],
      ]);
    },
  );

  merging(`${build}: a waiting request that failed on a limit is not asked again`, async () => {
    for (const [limits, tooMuch] of [
      [{ maxSectors: 16 }, [16, 9]],
      [{ maxSegments: 1 }, [16, 1]],
    ] as const) {
      const bench = await Bench.open(build, { drives: [{ size: '1MiB', queueDepth: 1 }], limits });
      bench.machine.holdCompletions(true);
      for (const piece of [[1000, 1], [8, 8], tooMuch, [0, 8]] as const) bench.submit([piece]);
      assert.is(bench.reasons().at(-1), MERGE_FLAGS);
      bench.machine.holdCompletions(false);
      assert.equal(bench.finish(), [[1000, 1], [8, 8], tooMuch, [0, 8]]);
    }
  });

  merging(`${build}: of the waiting requests the last 8 are tried`, async () => {
    for (const [waiting, expected] of [
      [8, 9],
      [9, 11],
    ] as const) {
      const bench = await Bench.open(build, { drives: [{ size: '1MiB', queueDepth: 1 }] });
      bench.machine.holdCompletions(true);
      bench.submit([[1000, 1]]);
      for (let index = 0; index < waiting; index++) bench.submit([[index * 10, 8]]);
      bench.submit([[8, 1]]);
      bench.machine.holdCompletions(false);
      assert.is(bench.finish().length, expected, `${waiting} waiting`);
    }
  });

  merging(`${build}: requests leave the plug in the order in which they came`, async () => {
    const bench = await Bench.open(build);
    assert.equal(
      bench
        .issued([
          [500, 1],
          [100, 1],
          [300, 1],
          [200, 1],
        ])
        .map(([sector]) => sector),
      [500, 100, 300, 200],
    );
  });

  merging(`${build}: a flush is no request that anything merges with`, async () => {
    const bench = await Bench.open(build);
    const file = bench.machine.openFile('drive0', { direct: true });
    bench.context.submit([bench.request([0, 8]), { op: 'fdsync', file }, bench.request([8, 8])]);
    assert.equal(bench.finish(), [[0, 16]]);
    assert.is(bench.machine.counters.block.flushes, 1);
  });
}

merging.run();
