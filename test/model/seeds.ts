// One run for each seed: a machine of random options under a random workload, and the hash of all its records.
//
// Verbs: runSeed, runSeeds. The same module runs in Node and, bundled, in a browser; the lists of hashes must be equal.
// Invariant: everything that varies is drawn from the seed by integers only.

import type { DriveConfig, EpisodeConfig, LatencyConfig, MachineConfig } from '../../src/core/options.ts';
import { StorageError } from '../../src/errors.ts';
import type { OpenFile } from '../../src/files.ts';
import type { Machine } from '../../src/machine.ts';

const DRIVE_BYTES = 1048576;
const FILE_BYTES = 262144;
const STEPS = 40;
const FAULTS = [
  'eio perMillion=50000',
  'latent perMillion=20000',
  'rot bits=3 perMillion=50000',
  'flaky perMillion=50000',
  'lostWrite perMillion=50000',
  'misdirectedWrite perMillion=50000',
  'misdirectedRead perMillion=50000',
  'tornWrite perMillion=50000',
  'ignoredFlush perMillion=300000',
  'ignoredFua perMillion=300000',
  'failedFlush perMillion=200000',
  'slow factor=7 perMillion=100000',
  'queueFull perMillion=100000',
  'reorder perMillion=100000',
  'enospc room=64KiB',
];
/** The seeds that both sides play. */
export const SEEDS = { first: 1, count: 1000 } as const;

/** xorshift32 (Marsaglia 2003): the next number below `bound`. */
class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  }

  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state % bound;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

function driveOf(draws: Draws): DriveConfig {
  return {
    size: DRIVE_BYTES,
    queueDepth: draws.of([1, 2, 32]),
    volatileWrites: draws.of([0, 3, 4096]),
    powerLossProtection: draws.below(8) === 0,
    fua: draws.below(3) > 0,
    scheduler: draws.of(['none', 'deadline'] as const),
    faults: FAULTS.filter(() => draws.below(6) === 0),
    ...draws.of<DriveConfig>([
      { model: 'instant' },
      { model: 'fixed', channels: 3, latencyNs: { read: 70_000, write: 110_000, flush: 900_000 } },
      { model: 'hdd' },
      { model: 'ssd' },
      { model: 'nvme' },
    ]),
    latency: draws.of<LatencyConfig>([
      'constant',
      'exponential',
      { lognormal: 0.5 },
      {
        factors: [
          [1, 9],
          [20, 1],
        ],
      },
    ]),
    episodes: draws.of<readonly EpisodeConfig[]>([
      [],
      [{ kind: 'stall', atNs: 1_000_000, lastsNs: 3_000_000, everyNs: 10_000_000 }],
      [{ kind: 'slow', atNs: 0, lastsNs: 5_000_000, everyNs: 7_000_000, factor: 3 }],
    ]),
  };
}

function configOf(seed: number, draws: Draws): MachineConfig {
  return {
    seed,
    records: 256,
    drives: [driveOf(draws), driveOf(draws)],
    files: [{ name: 'file', drive: 1, offset: 65536, capacity: FILE_BYTES, size: FILE_BYTES / 2 }],
    cache: draws.of([1, 8, 40]) * 4096,
    blockSize: draws.of([512, 4096]),
    eviction: draws.of(['linux', 'lru', 's3-fifo'] as const),
    merge: draws.below(4) > 0,
    buffers: 262144,
    sharedMemory: 65536,
    aioMaxNr: 64,
    powerCuts: true,
    writeLog: draws.below(3) === 0,
    limits: { bios: draws.of([8, 256]), operations: 64, identities: 4096 },
  };
}

/** What a call answers: its result or the code of its error. */
function attempt(call: () => unknown): string {
  try {
    const answer = call();
    return answer instanceof Uint8Array ? `${answer.length}:${answer[0] ?? ''}` : String(answer);
  } catch (error) {
    if (error instanceof StorageError) return error.code;
    throw error;
  }
}

function step(machine: Machine, files: readonly (readonly [OpenFile, boolean])[], draws: Draws): string {
  const [file, isDirect] = draws.of(files);
  const sector = draws.below(FILE_BYTES / 512);
  const offset = isDirect ? sector * 512 : sector * 512 + draws.below(512);
  const length = isDirect ? (1 + draws.below(24)) * 512 : 1 + draws.below(12000);
  const device = machine.blockDevice(draws.below(2));
  switch (draws.below(12)) {
    case 0:
    case 1:
    case 2:
      return attempt(() => file.write(new Uint8Array(length).fill(draws.below(256)), offset));
    case 3:
    case 4:
      return attempt(() => file.read(length, offset));
    case 5:
      return attempt(() => file.sync());
    case 6:
      return attempt(() => file.discard(sector * 512, (1 + draws.below(64)) * 512));
    case 7:
      return attempt(() =>
        device.write(sector, new Uint8Array(1024).fill(draws.below(256)), {
          fua: draws.below(2) === 0,
          preflush: draws.below(2) === 0,
          tag: draws.below(1000),
        }),
      );
    case 8:
      return attempt(() => device.flush());
    case 9:
    case 10:
      // several at once, so that schedulers and models have something to choose from
      return attempt(() => {
        const requests = Array.from({ length: 8 }, () =>
          device.submit({
            operation: draws.of(['read', 'writeZeroes']),
            sector: draws.below(2000),
            sectorCount: 8,
          }),
        );
        machine.run();
        return requests.map(({ result }) => result).join(' ');
      });
    default:
      return attempt(() => machine.advance(draws.below(20_000_000)));
  }
}

/** Plays one seed on a machine that `open` makes. The record hash, with the time and the answers of all calls folded into text. */
export async function runSeed(
  open: (config: MachineConfig) => Promise<Machine>,
  seed: number,
): Promise<string> {
  const draws = new Draws(seed);
  const machine = await open(configOf(seed, draws));
  const files = [
    [machine.openFile('drive0'), false],
    [machine.openFile('drive0', { direct: true }), true],
    [machine.openFile('file', { dsync: draws.below(2) === 0 }), false],
    [machine.openFile('file', { direct: true }), true],
  ] as const;
  const answers: string[] = [];
  for (let count = 0; count < STEPS; count++) answers.push(step(machine, files, draws));
  machine.run();
  const trail = `${machine.recordHash} ${machine.nowNs} ${answers.join(',')}`;
  machine.close();
  return trail;
}

/** `count` seeds from `first` on. */
export async function runSeeds(
  open: (config: MachineConfig) => Promise<Machine>,
  first: number,
  count: number,
): Promise<string[]> {
  const trails: string[] = [];
  for (let seed = first; seed < first + count; seed++) trails.push(await runSeed(open, seed));
  return trails;
}
