// USRBIO buffers (hf3fs_iov): memory that the client and the daemon share, known to the daemon by an id.
//
// Verbs: iovCreate, iovOpen, iovWrap, iovPublish, iovUnlink, iovDestroy; bufferFind, bufferHold, bufferRelease for the daemon.
// Layout: the client's struct hf3fs_iov is in client memory (layout.ts); the daemon's table is private. An id holds the
// number of its table entry, then a hash, so that it is found without a search.
// Invariants: the memory of a buffer lives while it is mapped by the client or held by an operation; what a client writes
// into its struct is checked each time against the daemon's own entry.

import { arenaClaim } from '../base/arena';
import { isClientRange } from '../base/client-memory';
import { EFAULT, EINVAL, EIO, EMFILE, ENOENT } from '../base/errno';
import { mix32 } from '../base/hash';
import {
  HF3FS_IOV_BASE,
  HF3FS_IOV_BLOCK_SIZE,
  HF3FS_IOV_BYTES,
  HF3FS_IOV_ID,
  HF3FS_IOV_IOVH,
  HF3FS_IOV_MOUNT_POINT,
  HF3FS_IOV_NUMA,
  HF3FS_IOV_SIZE,
} from '../layout';
import { MAX_USRBIO_BUFFERS } from '../limits';
import { sharedGive, sharedTake } from './shared-memory';

const MOUNT_POINT_BYTES: u32 = 256;
const ID_BYTES: u32 = 16;
const SLASH: u32 = 0x2f;

/** The one mount point of a machine: /3fs. */
const MOUNT_POINT: usize = memory.data<u8>([0x2f, 0x33, 0x66, 0x73]);
const MOUNT_POINT_LENGTH: u32 = 4;

@unmanaged
export class SharedBuffer {
  address: usize;
  bytes: u32;
  blockSize: u32;
  /** The id: entry number, then three words of hash. */
  id0: u32;
  id1: u32;
  id2: u32;
  id3: u32;
  /** Structs of the client that map it, and operations and rings that use it. 0 and 0: the entry is free. */
  mappings: u32;
  holders: u32;
  /** The daemon knows it (its link under the mount point exists). */
  isPublished: u32;
  /** The shared memory still has its name, so that it can be opened. */
  isLinked: u32;
  /** The memory is the client's own, not taken from the shared memory. */
  isForeign: u32;
  isRing: u32;
}

@unmanaged
class Buffers {
  base: usize;
  seed: u32;
  made: u32;
  /** Entries from here on have never been used. */
  fresh: u32;
}

const buffers = changetype<Buffers>(memory.data(offsetof<Buffers>(), 16));

export function buffersClaim(): void {
  buffers.base = arenaClaim(<u64>MAX_USRBIO_BUFFERS * offsetof<SharedBuffer>(), 16);
}

/** `seed`: what the ids are made of. */
export function buffersInit(seed: u32): void {
  buffers.seed = seed;
}

function bufferAt(index: u32): SharedBuffer {
  return changetype<SharedBuffer>(buffers.base + <usize>index * offsetof<SharedBuffer>());
}

function takeEntry(): SharedBuffer | null {
  for (let index: u32 = 0; index < buffers.fresh; index++) {
    const entry = bufferAt(index);
    if ((entry.mappings | entry.holders | entry.isPublished) == 0) return nameEntry(entry, index);
  }
  if (buffers.fresh == <u32>MAX_USRBIO_BUFFERS) return null;
  return nameEntry(bufferAt(buffers.fresh), buffers.fresh++);
}

/** A clean entry with an id that was never given before. */
function nameEntry(entry: SharedBuffer, index: u32): SharedBuffer {
  memory.fill(changetype<usize>(entry), 0, offsetof<SharedBuffer>());
  const number = ++buffers.made;
  entry.id0 = index;
  entry.id1 = mix32(buffers.seed ^ (number * 0x9e3779b1));
  entry.id2 = mix32(entry.id1 + number);
  entry.id3 = mix32(entry.id2 ^ buffers.seed);
  return entry;
}

/** The published buffer with the id at `id` (16 readable bytes), or null. */
export function bufferFind(id: usize): SharedBuffer | null {
  const index = load<u32>(id);
  if (index >= buffers.fresh) return null;
  const entry = bufferAt(index);
  const isSame =
    load<u32>(id, 4) == entry.id1 && load<u32>(id, 8) == entry.id2 && load<u32>(id, 12) == entry.id3;
  return isSame && entry.isPublished != 0 ? entry : null;
}

export function bufferHold(buffer: SharedBuffer): void {
  buffer.holders++;
}

export function bufferRelease(buffer: SharedBuffer): void {
  assert(buffer.holders > 0, 'a shared buffer was released twice');
  buffer.holders--;
  freeUnused(buffer);
}

/** Gives the memory back once nobody maps or uses it. A published entry keeps its place until its link goes. */
function freeUnused(buffer: SharedBuffer): void {
  if ((buffer.mappings | buffer.holders) != 0 || buffer.address == 0) return;
  if (buffer.isForeign == 0) sharedGive(buffer.address, buffer.bytes);
  buffer.address = 0;
  buffer.isPublished = 0;
}

/** Bytes before the NUL of a client's string, or -1 when it is not in client memory or has `limit` bytes or more. */
function textLength(address: u32, limit: u32): i32 {
  for (let length: u32 = 0; length < limit; length++) {
    if (!isClientRange(<u64>address + length, 1)) return -1;
    if (load<u8>(<usize>address + length) == 0) return <i32>length;
  }
  return -1;
}

/** Writes the mount point with its NUL: 5 bytes. */
export function writeMountPoint(address: usize): void {
  memory.copy(address, MOUNT_POINT, MOUNT_POINT_LENGTH);
  store<u8>(address + MOUNT_POINT_LENGTH, 0);
}

/** True when the text begins with the mount point and then ends or goes on with a slash. */
function isUnderMount(address: u32, length: u32): bool {
  if (length < MOUNT_POINT_LENGTH || memory.compare(address, MOUNT_POINT, MOUNT_POINT_LENGTH) != 0)
    return false;
  return length == MOUNT_POINT_LENGTH || load<u8>(<usize>address + MOUNT_POINT_LENGTH) == SLASH;
}

/** 0; EINVAL: empty or 256 bytes and more; ENOENT: nothing is mounted there. */
function checkMount(mount: u32): i32 {
  if (mount == 0) return -EINVAL;
  const length = textLength(mount, MOUNT_POINT_BYTES);
  if (length <= 0) return -EINVAL;
  if (!isUnderMount(mount, <u32>length)) return -ENOENT;
  for (let index = MOUNT_POINT_LENGTH; index < <u32>length; index++) {
    if (load<u8>(<usize>mount + index) != SLASH) return -ENOENT;
  }
  return 0;
}

/**
 * hf3fs_extract_mount_point: bytes of the mount point that `path` is under with its NUL, or -1. `out` is filled when
 * `size` is enough.
 */
export function extractMountPoint(out: u32, size: i32, path: u32): i32 {
  const length = textLength(path, 4096);
  if (length < 0 || !isUnderMount(path, <u32>length)) return -1;
  const needed = MOUNT_POINT_LENGTH + 1;
  if (size >= <i32>needed) {
    if (!isClientRange(out, needed)) return -1;
    writeMountPoint(out);
  }
  return <i32>needed;
}

function describe(iov: usize, buffer: SharedBuffer, mount: u32, bytes: u64, blockSize: u64, numa: i32): void {
  store<u64>(iov, buffer.address, HF3FS_IOV_BASE);
  store<u64>(iov, <u64>buffer.id0 + 1, HF3FS_IOV_IOVH);
  memory.copy(iov + HF3FS_IOV_ID, changetype<usize>(buffer) + offsetof<SharedBuffer>('id0'), ID_BYTES);
  describeWhere(iov, mount, bytes, blockSize, numa);
}

function describeWhere(iov: usize, mount: u32, bytes: u64, blockSize: u64, numa: i32): void {
  memory.copy(iov + HF3FS_IOV_MOUNT_POINT, mount, <u32>textLength(mount, MOUNT_POINT_BYTES) + 1);
  store<u64>(iov, bytes, HF3FS_IOV_BYTES);
  store<u64>(iov, blockSize, HF3FS_IOV_BLOCK_SIZE);
  store<i32>(iov, numa, HF3FS_IOV_NUMA);
}

/**
 * hf3fs_iovcreate. 0; EINVAL: no iov, a mount point that is empty or too long, a block larger than the buffer; EIO: the
 * shared memory has no such run of pages free; EMFILE: MAX_USRBIO_BUFFERS exist; ENOENT: no such mount.
 */
export function iovCreate(iov: u32, mount: u32, bytes: u64, blockSize: u64, numa: i32, isRing: bool): i32 {
  if (!isIov(iov)) return iov == 0 ? -EINVAL : -EFAULT;
  const mounted = checkMount(mount);
  if (mounted == -EINVAL || blockSize > bytes) return -EINVAL;
  const address = bytes == 0 || bytes > u32.MAX_VALUE ? <usize>0 : sharedTake(bytes);
  if (address == 0) return -EIO;
  const buffer = mounted == 0 ? takeEntry() : null;
  if (buffer == null) {
    sharedGive(address, bytes);
    return mounted == 0 ? -EMFILE : mounted;
  }
  memory.fill(address, 0, <usize>bytes);
  buffer.address = address;
  buffer.bytes = <u32>bytes;
  buffer.blockSize = <u32>blockSize;
  buffer.mappings = 1;
  buffer.isPublished = 1;
  buffer.isLinked = isRing ? 0 : 1;
  buffer.isRing = isRing ? 1 : 0;
  describe(iov, buffer, mount, bytes, blockSize, numa);
  return 0;
}

/** A struct hf3fs_iov in client memory. */
export function isIov(iov: u32): bool {
  return iov != 0 && (iov & 3) == 0 && isClientRange(iov, HF3FS_IOV_SIZE);
}

/**
 * hf3fs_iovopen: maps a buffer that exists once more. ENOENT: no published buffer has this id and block size; EIO: its name
 * is gone or it is smaller than `bytes`.
 */
export function iovOpen(iov: u32, id: u32, mount: u32, bytes: u64, blockSize: u64, numa: i32): i32 {
  if (!isIov(iov)) return iov == 0 ? -EINVAL : -EFAULT;
  if (id == 0 || !isClientRange(id, ID_BYTES)) return -EFAULT;
  const mounted = checkMount(mount);
  if (mounted != 0) return mounted;
  const buffer = bufferFind(id);
  if (buffer == null || buffer.isRing != 0 || <u64>buffer.blockSize != blockSize) return -ENOENT;
  if (buffer.isLinked == 0 || bytes == 0 || bytes > <u64>buffer.bytes) return -EIO;
  buffer.mappings++;
  describe(iov, buffer, mount, bytes, blockSize, numa);
  return 0;
}

/**
 * hf3fs_iovwrap: describes memory that the caller has mapped; `id` is that of a buffer which the daemon knows. A request
 * with another id ends with EINVAL.
 */
export function iovWrap(
  iov: u32,
  base: u32,
  id: u32,
  mount: u32,
  bytes: u64,
  blockSize: u64,
  numa: i32,
): i32 {
  if (!isIov(iov)) return iov == 0 ? -EINVAL : -EFAULT;
  if (id == 0 || !isClientRange(id, ID_BYTES)) return -EFAULT;
  if (checkMount(mount) == -EINVAL) return -EINVAL;
  store<u64>(iov, base, HF3FS_IOV_BASE);
  store<u64>(iov, 0, HF3FS_IOV_IOVH);
  memory.copy(iov + HF3FS_IOV_ID, id, ID_BYTES);
  describeWhere(iov, mount, bytes, blockSize, numa);
  return 0;
}

/**
 * Tells the daemon of client memory [base, base + bytes) and writes its id to `id`: what the Python binding does with a
 * link of its own before it wraps. EFAULT, EINVAL, EMFILE.
 */
export function iovPublish(id: u32, base: u32, bytes: u64, blockSize: u64): i32 {
  if (id == 0 || (id & 3) != 0 || !isClientRange(id, ID_BYTES)) return -EFAULT;
  if (base == 0 || !isClientRange(base, bytes)) return -EFAULT;
  if (bytes == 0 || blockSize > bytes) return -EINVAL;
  const buffer = takeEntry();
  if (buffer == null) return -EMFILE;
  buffer.address = base;
  buffer.bytes = <u32>bytes;
  buffer.blockSize = <u32>blockSize;
  buffer.mappings = 1;
  buffer.isPublished = 1;
  buffer.isForeign = 1;
  memory.copy(id, changetype<usize>(buffer) + offsetof<SharedBuffer>('id0'), ID_BYTES);
  return 0;
}

/** Takes the link of published client memory away. 0, EFAULT, or ENOENT. */
export function iovUnpublish(id: u32): i32 {
  if (id == 0 || !isClientRange(id, ID_BYTES)) return -EFAULT;
  const buffer = bufferFind(id);
  if (buffer == null || buffer.isForeign == 0) return -ENOENT;
  buffer.isPublished = 0;
  buffer.mappings = 0;
  freeUnused(buffer);
  return 0;
}

/** The entry that an iov maps, by the handle in it, or null for a wrapped or foreign struct. */
function mappedBy(iov: u32): SharedBuffer | null {
  const handle = load<u64>(<usize>iov, HF3FS_IOV_IOVH);
  if (handle == 0 || handle > <u64>buffers.fresh) return null;
  const buffer = bufferAt(<u32>handle - 1);
  return buffer.mappings > 0 && buffer.isForeign == 0 ? buffer : null;
}

/** hf3fs_iovunlink: the memory's name goes, what is mapped stays. */
export function iovUnlink(iov: u32): void {
  if (!isIov(iov)) return;
  const buffer = mappedBy(iov);
  if (buffer != null) buffer.isLinked = 0;
}

/** hf3fs_iovdestroy: the daemon forgets the buffer; the memory goes when no request uses it any more. */
export function iovDestroy(iov: u32): void {
  if (!isIov(iov)) return;
  const buffer = mappedBy(iov);
  if (buffer == null || buffer.isRing != 0) return;
  unmapBuffer(iov, buffer);
}

/** Ends the mapping of a struct; for rings by whoever destroys the ring. */
export function unmapBuffer(iov: u32, buffer: SharedBuffer): void {
  store<u64>(<usize>iov, 0, HF3FS_IOV_IOVH);
  buffer.isPublished = 0;
  buffer.isLinked = 0;
  buffer.mappings--;
  freeUnused(buffer);
}

/** The client is gone, and with it every mapping. */
export function buffersAbandon(): void {
  for (let index: u32 = 0; index < buffers.fresh; index++) {
    const buffer = bufferAt(index);
    buffer.mappings = 0;
    buffer.isPublished = 0;
    buffer.isLinked = 0;
    freeUnused(buffer);
  }
}

/** The entry of the ring memory that `iov` (of a struct hf3fs_ior) maps, or null. */
export function ringBufferOf(iov: u32): SharedBuffer | null {
  const buffer = mappedBy(iov);
  return buffer != null && buffer.isRing != 0 ? buffer : null;
}
