// The gallery: every scene that comes with the page, in the order in which it is shown.
// A test plays each to its end and holds its captions against its records.

import type { Scene } from '../scene/types.ts';
import { DIRTY_LIMITS } from './dirty-limits.ts';
import { EVICTION_SCAN } from './eviction-scan.ts';
import { FSYNC_ERROR } from './fsync-error.ts';
import { FSYNC_STORM } from './fsync-storm.ts';
import { GARBAGE_COLLECTION } from './garbage-collection.ts';
import { LYING_DRIVE } from './lying-drive.ts';
import { MERGING } from './merging.ts';
import { PARTIAL_PAGE } from './partial-page.ts';
import { QEMU_DISK } from './qemu-disk.ts';
import { QUEUE_DEPTH } from './queue-depth.ts';
import { READAHEAD } from './readahead.ts';
import { RENAME_REPLACE } from './rename-replace.ts';
import { RINGS } from './rings.ts';
import { SCHEDULER } from './scheduler.ts';
import { SEQUENTIAL_AND_RANDOM } from './sequential-and-random.ts';
import { TEN_THOUSAND } from './ten-thousand.ts';
import { WRITE_TO_MEDIA } from './write-to-media.ts';
import { XV6_LOG } from './xv6-log.ts';
import { ZEROES_AND_DISCARD } from './zeroes-and-discard.ts';

export const SCENES: readonly Scene[] = [
  WRITE_TO_MEDIA,
  PARTIAL_PAGE,
  READAHEAD,
  DIRTY_LIMITS,
  EVICTION_SCAN,
  MERGING,
  SEQUENTIAL_AND_RANDOM,
  QUEUE_DEPTH,
  SCHEDULER,
  GARBAGE_COLLECTION,
  ZEROES_AND_DISCARD,
  TEN_THOUSAND,
  RINGS,
  QEMU_DISK,
  FSYNC_STORM,
  RENAME_REPLACE,
  FSYNC_ERROR,
  XV6_LOG,
  LYING_DRIVE,
];
/** What a first visitor sees. */
export const FIRST_SCENE: Scene = WRITE_TO_MEDIA;
