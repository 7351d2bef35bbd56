// Where things are: the config's address before open, and the root that tells the host every other address.
//
// Verbs: configStart, configAddress, rootAddress, noteBadField, noteBuffers. Layout: layout.ts ROOT_….
// Invariant: the root's address never changes; rootAddress() brings its figures up to date.

import { abortNote } from '../base/abort';
import { arenaBytes } from '../base/arena';
import { now } from '../base/clock';
import { COUNTERS } from '../base/counters';
import { operationPool, operationTag } from '../base/operation';
import { recordRing } from '../base/record';
import { spanPool } from '../base/span';
import { submissionPool } from '../block/submission';
import { flashInUse } from '../drive/models/flash';
import { bioPool, requestPool } from '../drive/request';
import { blockRequestPool } from '../guest/block-request';
import { virtioRequestPool } from '../guest/virtio-request';
import {
  ROOT_ABORT_FILE,
  ROOT_ABORT_LINE,
  ROOT_ABORT_MESSAGE,
  ROOT_BAD_FIELD,
  ROOT_BAD_INDEX,
  ROOT_BUFFER_BYTES,
  ROOT_BUFFERS,
  ROOT_CONFIG,
  ROOT_COUNTERS,
  ROOT_MEMORY_BYTES,
  ROOT_NOW,
  ROOT_RECORD_CAPACITY,
  ROOT_RECORD_HASH,
  ROOT_RECORDS,
  ROOT_RECORDS_MADE,
  ROOT_REPLAY_GENERATIONS,
  ROOT_REPLAY_MIXED,
  ROOT_REPLAY_MIXED_CAPACITY,
  ROOT_REPLAY_RECORDS,
  ROOT_REPLAY_STATE,
  ROOT_SIZE,
  ROOT_TAG,
  ROOT_USED_BIOS,
  ROOT_USED_BLOCK_REQUESTS,
  ROOT_USED_BLUESTORE_AIOS,
  ROOT_USED_DEVICE_CALLS,
  ROOT_USED_FLASH,
  ROOT_USED_IO_CONTEXTS,
  ROOT_USED_KIOCBS,
  ROOT_USED_OPERATIONS,
  ROOT_USED_REQUESTS,
  ROOT_USED_SHARED_PAGES,
  ROOT_USED_SPANS,
  ROOT_USED_SUBMISSIONS,
  ROOT_USED_USRBIO_JOBS,
  ROOT_USED_USRBIO_PARTS,
  ROOT_USED_VIRTIO,
} from '../layout';
import {
  playerGenerations,
  playerMixed,
  playerMixedCapacity,
  playerRecords,
  replayState,
} from '../replay/lot';
import { deviceAioPool } from '../rings/device-aio';
import { deviceCallPool } from '../rings/device-call';
import { contextPool } from '../rings/io-context';
import { kiocbPool } from '../rings/kiocb';
import { sharedRuns } from '../rings/shared-memory';
import { jobPool } from '../rings/usrbio-jobs';
import { partPool } from '../rings/usrbio-parts';

const root: usize = memory.data(ROOT_SIZE, 16);

export function configStart(): usize {
  return (__heap_base + 15) & ~(<usize>15);
}

/** Where the host writes the config before machineOpen. */
export function configAddress(): i32 {
  return <i32>configStart();
}

/** Where things are (ROOT_…), brought up to date by this call. */
export function rootAddress(): i32 {
  store<u32>(root, <u32>COUNTERS, ROOT_COUNTERS);
  store<u32>(root, <u32>recordRing.base, ROOT_RECORDS);
  store<u32>(root, recordRing.capacity, ROOT_RECORD_CAPACITY);
  store<u64>(root, recordRing.made, ROOT_RECORDS_MADE);
  store<u64>(root, recordRing.hash, ROOT_RECORD_HASH);
  store<u32>(root, <u32>playerRecords(), ROOT_REPLAY_RECORDS);
  store<u32>(root, <u32>playerGenerations(), ROOT_REPLAY_GENERATIONS);
  store<u32>(root, <u32>playerMixed(), ROOT_REPLAY_MIXED);
  store<u32>(root, playerMixedCapacity(), ROOT_REPLAY_MIXED_CAPACITY);
  store<u32>(root, <u32>replayState, ROOT_REPLAY_STATE);
  store<u32>(root, <u32>abortNote.message, ROOT_ABORT_MESSAGE);
  store<u32>(root, <u32>abortNote.file, ROOT_ABORT_FILE);
  store<u32>(root, abortNote.line, ROOT_ABORT_LINE);
  store<u32>(root, <u32>configStart(), ROOT_CONFIG);
  store<u64>(root, now(), ROOT_NOW);
  store<u64>(root, arenaBytes(), ROOT_MEMORY_BYTES);
  store<u64>(root, operationTag(), ROOT_TAG);
  store<u32>(root, operationPool.used, ROOT_USED_OPERATIONS);
  store<u32>(root, bioPool.used, ROOT_USED_BIOS);
  store<u32>(root, spanPool.used, ROOT_USED_SPANS);
  store<u32>(root, requestPool.used, ROOT_USED_REQUESTS);
  store<u32>(root, kiocbPool.used, ROOT_USED_KIOCBS);
  store<u32>(root, virtioRequestPool.used, ROOT_USED_VIRTIO);
  store<u32>(root, blockRequestPool.used, ROOT_USED_BLOCK_REQUESTS);
  store<u32>(root, flashInUse(), ROOT_USED_FLASH);
  store<u32>(root, submissionPool.used, ROOT_USED_SUBMISSIONS);
  store<u32>(root, jobPool.used, ROOT_USED_USRBIO_JOBS);
  store<u32>(root, partPool.used, ROOT_USED_USRBIO_PARTS);
  store<u32>(root, sharedRuns.usedPages, ROOT_USED_SHARED_PAGES);
  store<u32>(root, deviceAioPool.used, ROOT_USED_BLUESTORE_AIOS);
  store<u32>(root, contextPool.used, ROOT_USED_IO_CONTEXTS);
  store<u32>(root, deviceCallPool.used, ROOT_USED_DEVICE_CALLS);
  return <i32>root;
}

/** Names the field that open refuses: its CONFIG_… offset, and the index of the drive or file. */
export function noteBadField(field: u32, index: u32): void {
  store<u32>(root, field, ROOT_BAD_FIELD);
  store<u32>(root, index, ROOT_BAD_INDEX);
}

export function noteBuffers(address: usize, bytes: u32): void {
  store<u32>(root, <u32>address, ROOT_BUFFERS);
  store<u32>(root, bytes, ROOT_BUFFER_BYTES);
}
