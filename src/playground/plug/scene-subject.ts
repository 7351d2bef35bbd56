// A scene as a workload for exploreDevice: its clients' syncs are what is acknowledged, its writes' own bytes what recovery looks for.
//
// Verbs: whyNotExplored, sceneSubject. The same in Node, so that a recipe made in the page leads to the same image there:
// rerunDevice(recipe, sceneSubject(scene).options).

import {
  DEFAULT_AIO_MAX_NR,
  DEFAULT_BIOS,
  DEFAULT_BLUESTORE_AIOS,
  DEFAULT_OPERATIONS,
  DEFAULT_SPANS,
  DEFAULT_USRBIO_PARTS,
  DEFAULT_VIRTIO_REQUESTS,
  SECTOR_SIZE,
} from '../../../assembly/limits.ts';
import type { BlockDevice } from '../../block-device.ts';
import type { ExploreDeviceOptions } from '../../explore/types.ts';
import { formatCounted } from '../model/describe.ts';
import type { Scene } from '../scene/types.ts';
import { judgeSectors, type ReadTarget } from './judge.ts';
import { type LedgerRow, promisedWrites } from './ledger.ts';
import { driveReader, placesOf } from './places.ts';
import { type RecordedScene, recordRun } from './recorded-scene.ts';
import { recoverXv6, transactionOf, XV6_PARTS, xv6Problem } from './xv6.ts';

const SHARED_MEMORY = 8388608;
const BUFFERS = 8388608;

/** Why a scene's crashes can not be explored, in words; undefined: they can. */
export function whyNotExplored({ machine, clients }: Scene): string | undefined {
  if (machine.volume !== undefined && machine.volume !== false)
    return 'This scene works on files of a volume. The page explores every crash of scenes on one plain drive only; for files explore() does it, in a test.';
  if ((machine.drives?.length ?? 1) > 1)
    return `This scene has ${formatCounted(machine.drives?.length ?? 0, 'drive')}. The page explores every crash of scenes on one drive only: how the drives’ losses may combine is left out.`;
  if (clients.length === 0) return 'This scene has nobody who writes.';
  return undefined;
}

/** What such an exploration takes a crash to be. */
export const WHAT_IS_LOST =
  'A crash here is a power cut: the page cache counts as lost, all of it, and of what the one drive has taken and no flush covers, any part may be.';

/** A scene that exploreDevice can play. */
export interface SceneSubject {
  readonly options: ExploreDeviceOptions<number>;
  /** The workload as it was last played. Throws an Error before that. */
  readonly recorded: () => RecordedScene;
}

/** What a crash broke; its message says what. */
class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

export function sceneSubject(scene: Scene): SceneSubject {
  const { drives, seed = 1, limits, ...machine } = scene.machine;
  const places = placesOf(scene);
  const isXv6 = scene.check === 'xv6-log';
  let recorded: RecordedScene | undefined;
  const latest = (): RecordedScene => {
    if (recorded === undefined) throw new Error('the scene was not played yet');
    return recorded;
  };
  const readerOf = (device: BlockDevice): ReadTarget =>
    driveReader(places, (_, offset, length) => device.read(offset / SECTOR_SIZE, length / SECTOR_SIZE));
  const options: ExploreDeviceOptions<number> = {
    seed,
    drive: drives?.[0] ?? {},
    machine: {
      blockSize: 4096,
      cache: '32MiB',
      aioMaxNr: DEFAULT_AIO_MAX_NR,
      sharedMemory: SHARED_MEMORY,
      buffers: BUFFERS,
      ...machine,
      limits: {
        operations: DEFAULT_OPERATIONS,
        bios: DEFAULT_BIOS,
        spans: DEFAULT_SPANS,
        virtioRequests: DEFAULT_VIRTIO_REQUESTS,
        bluestoreAios: DEFAULT_BLUESTORE_AIOS,
        usrbioParts: DEFAULT_USRBIO_PARTS,
        ...limits,
      },
    },
    workload({ machine: played, ack }) {
      recorded = recordRun(played, scene, isXv6 ? ackedTransactions(scene, ack) : ackedBy(ack));
    },
    recover({ device, must, crash }) {
      const { ledger, bytesOf } = latest();
      const read = readerOf(device);
      const problem = isXv6
        ? xv6Problem(recoverXv6(ledger.rows, bytesOf, read), must.length)
        : brokenBy(latest(), read, new Set(must));
      if (problem !== undefined && crash !== undefined) throw new BrokenPromise(problem);
    },
  };
  return { options, recorded: latest };
}

/** Acknowledges what asks for durability, once it has ended well, by its row. */
function ackedBy(ack: (row: number) => void): (row: LedgerRow) => void {
  return (row) => {
    if ((row.op === 'sync' || row.isForced) && (row.ended?.result ?? -1) >= 0) ack(row.index);
  };
}

/** Transactions by number, from 1: acknowledged when the last request of their last chapter has ended. */
function ackedTransactions(
  { chapters }: Scene,
  ack: (transaction: number) => void,
): (row: LedgerRow) => void {
  return ({ chapter, request }) => {
    if (chapter % XV6_PARTS.length !== XV6_PARTS.length - 1) return;
    if (request + 1 === chapters[chapter]?.work.length) ack(transactionOf({ chapter }) + 1);
  };
}

/** What is missing of what was promised, in words. */
function brokenBy(
  recorded: RecordedScene,
  read: ReadTarget,
  acknowledged: ReadonlySet<number>,
): string | undefined {
  const { rows } = recorded.ledger;
  const promised = promisedWrites(rows, ({ index }) => acknowledged.has(index));
  const { promisedLost } = judgeSectors(rows, recorded.bytesOf, read, promised);
  return promisedLost === 0
    ? undefined
    : `${formatCounted(promisedLost, 'write')} that had been promised ${promisedLost === 1 ? 'is' : 'are'} missing`;
}
