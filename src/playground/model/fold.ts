// The whole stack as its records tell it: each record goes to the part that it is about.
//
// Verbs: beginStep, apply, save, restore, state. Steps are taken in order; save and restore jump.

import {
  RECORD_ACTIVATED,
  RECORD_AIO_ACCEPTED,
  RECORD_AIO_EVENT,
  RECORD_AIO_QUEUE_RETRY,
  RECORD_AIO_QUEUE_SUBMIT,
  RECORD_BACK_MERGED,
  RECORD_BLOCKS,
  RECORD_COMPLETED,
  RECORD_DEACTIVATED,
  RECORD_DESTAGED,
  RECORD_DIRTIED,
  RECORD_ENTERED,
  RECORD_EVICTED,
  RECORD_FAULT,
  RECORD_FLUSHED,
  RECORD_FRONT_MERGED,
  RECORD_GUEST_DONE,
  RECORD_GUEST_REQUEST,
  RECORD_GUEST_STOPPED,
  RECORD_ISSUED,
  RECORD_KEPT,
  RECORD_KIND_COUNT,
  RECORD_LOST,
  RECORD_MULTIREQ_ISSUED,
  RECORD_MULTIREQ_SPLIT,
  RECORD_OPERATION_STARTED,
  RECORD_PAGE_HIT,
  RECORD_PAGE_MISS,
  RECORD_PAGE_READ,
  RECORD_PAGES_DISCARDED,
  RECORD_PAUSED,
  RECORD_QUEUED,
  RECORD_READ_IN,
  RECORD_READAHEAD,
  RECORD_REFAULT,
  RECORD_THROTTLED,
  RECORD_USRBIO_DONE,
  RECORD_USRBIO_JOB,
  RECORD_USRBIO_PREPARED,
  RECORD_VOLATILE,
  RECORD_WRITEBACK,
  RECORD_WRITTEN,
} from '../../../assembly/layout.ts';
import type { Shape } from '../worker/protocol.ts';
import { CacheFold, type SavedCache } from './cache-fold.ts';
import { DriveFold, type HeldByDrive, type SavedDrive } from './drive-fold.ts';
import { GuestFold, type SavedGuest } from './guest-fold.ts';
import type { RecordView } from './record-store.ts';
import { RingFold, type SavedRing } from './ring-fold.ts';
import type { StackState } from './types.ts';

const RINGS = 1;
const GUESTS = 2;
const CACHE = 3;
const DRIVES = 4;

const PART_OF_KIND = new Uint8Array(RECORD_KIND_COUNT);
const KINDS: readonly (readonly [part: number, kinds: readonly number[]])[] = [
  [
    RINGS,
    [
      RECORD_AIO_ACCEPTED,
      RECORD_AIO_EVENT,
      RECORD_OPERATION_STARTED,
      RECORD_AIO_QUEUE_SUBMIT,
      RECORD_AIO_QUEUE_RETRY,
      RECORD_USRBIO_PREPARED,
      RECORD_USRBIO_JOB,
      RECORD_USRBIO_DONE,
    ],
  ],
  [
    GUESTS,
    [
      RECORD_GUEST_REQUEST,
      RECORD_MULTIREQ_ISSUED,
      RECORD_MULTIREQ_SPLIT,
      RECORD_GUEST_DONE,
      RECORD_GUEST_STOPPED,
    ],
  ],
  [
    CACHE,
    [
      RECORD_PAGE_HIT,
      RECORD_PAGE_MISS,
      RECORD_ENTERED,
      RECORD_READ_IN,
      RECORD_PAGE_READ,
      RECORD_DIRTIED,
      RECORD_BLOCKS,
      RECORD_PAGES_DISCARDED,
      RECORD_WRITEBACK,
      RECORD_WRITTEN,
      RECORD_EVICTED,
      RECORD_THROTTLED,
      RECORD_PAUSED,
      RECORD_ACTIVATED,
      RECORD_DEACTIVATED,
      RECORD_REFAULT,
      RECORD_READAHEAD,
    ],
  ],
  [
    DRIVES,
    [
      RECORD_QUEUED,
      RECORD_BACK_MERGED,
      RECORD_FRONT_MERGED,
      RECORD_ISSUED,
      RECORD_COMPLETED,
      RECORD_VOLATILE,
      RECORD_FLUSHED,
      RECORD_DESTAGED,
      RECORD_FAULT,
      RECORD_KEPT,
      RECORD_LOST,
    ],
  ],
];
for (const [part, kinds] of KINDS) for (const kind of kinds) PART_OF_KIND[kind] = part;

export interface SavedFold {
  readonly rings: readonly SavedRing[];
  readonly cache: SavedCache;
  readonly drives: readonly SavedDrive[];
  readonly guests: readonly SavedGuest[];
}

export class Fold {
  readonly #rings: RingFold;
  readonly #cache: CacheFold;
  readonly #guests: readonly (readonly [device: number, guest: GuestFold])[];
  readonly #drives: readonly DriveFold[];

  /** `held`: what the drives have before the first record. */
  constructor(shape: Shape, held: readonly HeldByDrive[] = []) {
    this.#rings = new RingFold(shape);
    this.#cache = new CacheFold(shape);
    this.#drives = shape.drives.map((drive) => new DriveFold(drive, held[drive.index]));
    this.#guests = shape.clients.flatMap((client, number) =>
      client.entrance === 'virtio' ? [[client.device, new GuestFold(number, client)] as const] : [],
    );
  }

  /** What was new in the step before is so no more. */
  beginStep(step: number): void {
    this.#rings.beginStep(step);
    this.#cache.beginStep();
    for (const drive of this.#drives) drive.beginStep();
    for (const [, guest] of this.#guests) guest.beginStep(step);
  }

  /** All so far was done to set the machine up: a volume was made on the drive. */
  endOpening(): void {
    for (const drive of this.#drives) drive.endOpening();
  }

  apply(record: RecordView): void {
    const kind = record.kind;
    switch (PART_OF_KIND[kind]) {
      case RINGS:
        this.#rings.apply(kind, record);
        break;
      case CACHE:
        this.#cache.apply(kind, record);
        break;
      case DRIVES:
        this.#drives[record.device]?.apply(kind, record);
        break;
      case GUESTS:
        for (const [device, guest] of this.#guests) if (device === record.device) guest.apply(kind, record);
    }
  }

  save(): SavedFold {
    return {
      rings: this.#rings.save(),
      cache: this.#cache.save(),
      drives: this.#drives.map((drive) => drive.save()),
      guests: this.#guests.map(([, guest]) => guest.save()),
    };
  }

  restore(saved: SavedFold): void {
    this.#rings.restore(saved.rings);
    this.#cache.restore(saved.cache);
    this.#drives.forEach((drive, index) => {
      drive.restore(saved.drives[index] as SavedDrive);
    });
    this.#guests.forEach(([, guest], index) => {
      guest.restore(saved.guests[index] as SavedGuest);
    });
  }

  state(nowNs: number): Pick<StackState, 'rings' | 'guests' | 'cache' | 'drives'> {
    return {
      rings: this.#rings.state(),
      guests: this.#guests.map(([, guest]) => guest.state()),
      cache: this.#cache.state(nowNs),
      drives: this.#drives.map((drive) => drive.state()),
    };
  }
}
