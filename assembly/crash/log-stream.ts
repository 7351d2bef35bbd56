// The write log as a stream: one entry after the other, each checked as far as it can be alone.
//
// Verbs: streamClaim, streamOpen, nextEntry, entryOffset, payloadOffset, refuse.
// Layout: the stream of layout.ts (LOG_…), read through a buffer that may begin anywhere in it.
// Invariant: nothing is believed. An entry that is handed out has a known kind and operation, a range of sectors that a drive can
// have, and its whole payload in the stream; else the log is refused, with the reason and the place in the report.

import { arenaClaim } from '../base/arena';
import { EINVAL } from '../base/errno';
import { backingIovecs, backingRead, backingSize } from '../drive/backing';
import {
  CRASH_LOG_CHAIN,
  CRASH_LOG_CUT_OFF,
  CRASH_LOG_DRIVE,
  CRASH_LOG_HEADER,
  CRASH_LOG_KIND,
  CRASH_LOG_OPERATION,
  CRASH_LOG_PAYLOAD,
  CRASH_LOG_RANGE,
  CRASH_LOG_VERSION,
  LOG_COMPLETE,
  LOG_ENTRY_CHAIN,
  LOG_ENTRY_DRIVE,
  LOG_ENTRY_FLAGS,
  LOG_ENTRY_KIND,
  LOG_ENTRY_OPERATION,
  LOG_ENTRY_PAYLOAD,
  LOG_ENTRY_SECTOR,
  LOG_ENTRY_SECTORS,
  LOG_ENTRY_SIZE,
  LOG_FLAG_TOGETHER,
  LOG_HEADER_DRIVES,
  LOG_HEADER_MAGIC,
  LOG_HEADER_SIZE,
  LOG_HEADER_VERSION,
  LOG_MAGIC_HIGH,
  LOG_MAGIC_LOW,
  LOG_MARK,
  LOG_PART,
  LOG_SUBMIT,
  LOG_VERSION,
  OP_DISCARD,
  OP_FLUSH,
  OP_READ,
  OP_WRITE,
} from '../layout';
import { MAX_DRIVE_SHIFT, SECTOR_SHIFT } from '../limits';
import { report } from './tables';

const BUFFER_BYTES: u32 = 65536;
const MAX_SECTORS: u64 = 1 << (MAX_DRIVE_SHIFT - SECTOR_SHIFT);

@unmanaged
class Stream {
  buffer: usize;
  /** Offset of the buffer's first byte in the stream, and bytes in it. */
  bufferAt: u64;
  bufferBytes: u32;
  fd: i32;
  size: u64;
  /** The entry handed out last, and where the next one begins. */
  at: u64;
  next: u64;
  entries: u32;
  drives: u32;
}

const stream = changetype<Stream>(memory.data(offsetof<Stream>(), 16));

export function streamClaim(): void {
  stream.buffer = arenaClaim(BUFFER_BYTES, 64);
}

/** Refuses the log for a reason (CRASH_LOG_…) at the entry handed out last. */
export function refuse(reason: u32): i32 {
  report.error = reason;
  report.errorEntry = stream.entries;
  report.errorOffset = stream.at;
  return -EINVAL;
}

/** Address of 64 bytes of the stream at `offset`, which are there. 0 on an error of the file. */
function bytesAt(offset: u64): usize {
  const end = offset + LOG_ENTRY_SIZE;
  if (offset < stream.bufferAt || end > stream.bufferAt + stream.bufferBytes) {
    const bytes = <u32>min<u64>(BUFFER_BYTES, stream.size - offset);
    const iovec = backingIovecs();
    store<usize>(iovec, stream.buffer);
    store<u32>(iovec, bytes, 4);
    stream.bufferBytes = 0;
    if (backingRead(stream.fd, iovec, 1, bytes, offset) != 0) return 0;
    stream.bufferAt = offset;
    stream.bufferBytes = bytes;
  }
  return stream.buffer + <usize>(offset - stream.bufferAt);
}

/** Goes to the beginning of the log in `fd`. 0; EINVAL with the reason in the report; or an errno of the file. */
export function streamOpen(fd: i32): i32 {
  stream.fd = fd;
  stream.at = 0;
  stream.entries = 0;
  stream.bufferBytes = 0;
  const size = backingSize(fd);
  if (size < 0) return <i32>size;
  stream.size = size;
  if (stream.size < <u64>LOG_HEADER_SIZE) return refuse(CRASH_LOG_HEADER);
  const header = bytesAt(0);
  if (header == 0) return refuse(CRASH_LOG_CUT_OFF);
  if (load<u32>(header, LOG_HEADER_MAGIC) != <u32>LOG_MAGIC_LOW) return refuse(CRASH_LOG_HEADER);
  if (load<u32>(header, LOG_HEADER_MAGIC + 4) != <u32>LOG_MAGIC_HIGH) return refuse(CRASH_LOG_HEADER);
  if (load<u32>(header, LOG_HEADER_VERSION) != <u32>LOG_VERSION) return refuse(CRASH_LOG_VERSION);
  stream.drives = load<u32>(header, LOG_HEADER_DRIVES);
  stream.next = LOG_HEADER_SIZE;
  return 0;
}

/** Entries handed out since streamOpen. */
export function entryCount(): u32 {
  return stream.entries;
}

/** Where the payload of the entry handed out last begins in the stream. */
export function payloadOffset(): u64 {
  return stream.at + LOG_ENTRY_SIZE;
}

/** 1 and the next entry at entryAddress(); 0 at the end; EINVAL with the reason in the report. */
export function nextEntry(): i32 {
  stream.at = stream.next;
  if (stream.at == stream.size) return 0;
  stream.entries++;
  const left = stream.size - stream.at;
  if (left < <u64>LOG_ENTRY_SIZE) return refuse(CRASH_LOG_CUT_OFF);
  const entry = bytesAt(stream.at);
  if (entry == 0) return refuse(CRASH_LOG_CUT_OFF);
  const reason = faultOf(entry);
  if (reason != 0) return refuse(reason);
  const payload = load<u32>(entry, LOG_ENTRY_PAYLOAD);
  if (payload > left - LOG_ENTRY_SIZE) return refuse(CRASH_LOG_CUT_OFF);
  stream.next = stream.at + LOG_ENTRY_SIZE + payload;
  return 1;
}

/** Good until the next call of nextEntry. */
export function entryAddress(): usize {
  return stream.buffer + <usize>(stream.at - stream.bufferAt);
}

/** Why the entry can not be, or 0. */
function faultOf(entry: usize): u32 {
  const kind = <u32>load<u8>(entry, LOG_ENTRY_KIND);
  const operation = <u32>load<u8>(entry, LOG_ENTRY_OPERATION);
  const payload = load<u32>(entry, LOG_ENTRY_PAYLOAD);
  if (kind < <u32>LOG_SUBMIT || kind > <u32>LOG_PART) return CRASH_LOG_KIND;
  if (payload % 8 != 0) return CRASH_LOG_PAYLOAD;
  if (kind == <u32>LOG_MARK) return 0;
  if (operation == <u32>OP_READ || operation > <u32>OP_FLUSH) return CRASH_LOG_OPERATION;
  if (<u32>load<u16>(entry, LOG_ENTRY_DRIVE) >= stream.drives) return CRASH_LOG_DRIVE;
  const sectors = load<u32>(entry, LOG_ENTRY_SECTORS);
  const sector = load<u64>(entry, LOG_ENTRY_SECTOR);
  if (sector > MAX_SECTORS || sectors > MAX_SECTORS - sector) return CRASH_LOG_RANGE;
  if (kind == <u32>LOG_COMPLETE) return payload == 0 ? 0 : CRASH_LOG_PAYLOAD;
  const isTogether = (load<u32>(entry, LOG_ENTRY_FLAGS) & LOG_FLAG_TOGETHER) != 0;
  if (isTogether && load<u32>(entry, LOG_ENTRY_CHAIN) == 0) return CRASH_LOG_CHAIN;
  if (kind == <u32>LOG_PART) return payload == 0 ? 0 : CRASH_LOG_PAYLOAD;
  const wanted: u64 = operation == <u32>OP_WRITE ? (<u64>sectors) << SECTOR_SHIFT : 0;
  if (payload != wanted) return CRASH_LOG_PAYLOAD;
  return operation < <u32>OP_FLUSH && operation >= <u32>OP_DISCARD && sectors == 0 ? CRASH_LOG_RANGE : 0;
}
