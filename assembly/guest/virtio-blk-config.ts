// The config space of virtio-blk and the features that are offered (virtio 1.2 §5.2.4; virtio_blk_update_config of QEMU).
//
// Verbs: blkOffer, blkConfigRead, blkConfigWrite. The space is made anew for each read, so only `writeback` can be written.

import {
  VIRTIO_BLK_CONFIG_BLK_SIZE,
  VIRTIO_BLK_CONFIG_CAPACITY,
  VIRTIO_BLK_CONFIG_CYLINDERS,
  VIRTIO_BLK_CONFIG_DISCARD_ALIGNMENT,
  VIRTIO_BLK_CONFIG_HEADS,
  VIRTIO_BLK_CONFIG_MAX_DISCARD_SECTORS,
  VIRTIO_BLK_CONFIG_MAX_DISCARD_SEG,
  VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS,
  VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SEG,
  VIRTIO_BLK_CONFIG_NUM_QUEUES,
  VIRTIO_BLK_CONFIG_SECTORS,
  VIRTIO_BLK_CONFIG_SEG_MAX,
  VIRTIO_BLK_CONFIG_SIZE,
  VIRTIO_BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP,
  VIRTIO_BLK_CONFIG_WRITEBACK,
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_GEOMETRY,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
} from '../layout';
import { SECTOR_SHIFT, VIRTIO_MAX_SECTORS, VIRTQUEUE_DEFAULT_SIZE } from '../limits';
import { VirtioDevice } from './virtio-device';

// the geometry of a disk that is too large for one (hd_geometry of QEMU): 16 heads, 63 sectors
const HEADS: u32 = 16;
const TRACK_SECTORS: u32 = 63;
const MAX_CYLINDERS: u64 = 16383;

const space: usize = memory.data(64, 8);

/** The features of a disk. */
export function blkOffer(device: VirtioDevice, isReadOnly: bool): void {
  let features: u64 =
    (1 << VIRTIO_BLK_F_SEG_MAX) |
    (1 << VIRTIO_BLK_F_GEOMETRY) |
    (1 << VIRTIO_BLK_F_BLK_SIZE) |
    (1 << VIRTIO_BLK_F_FLUSH) |
    (1 << VIRTIO_BLK_F_TOPOLOGY) |
    (1 << VIRTIO_BLK_F_CONFIG_WCE) |
    (1 << VIRTIO_BLK_F_DISCARD) |
    (1 << VIRTIO_BLK_F_WRITE_ZEROES);
  if (device.queueCount > 1) features |= 1 << VIRTIO_BLK_F_MQ;
  if (isReadOnly) features |= 1 << VIRTIO_BLK_F_RO;
  device.offeredFeatures |= features;
}

function fill(device: VirtioDevice): void {
  memory.fill(space, 0, VIRTIO_BLK_CONFIG_SIZE);
  store<u64>(space, device.capacity, VIRTIO_BLK_CONFIG_CAPACITY);
  store<u32>(space, VIRTQUEUE_DEFAULT_SIZE - 2, VIRTIO_BLK_CONFIG_SEG_MAX);
  const cylinders = min<u64>(device.capacity / (HEADS * TRACK_SECTORS), MAX_CYLINDERS);
  store<u16>(space, <u16>cylinders, VIRTIO_BLK_CONFIG_CYLINDERS);
  store<u8>(space, <u8>HEADS, VIRTIO_BLK_CONFIG_HEADS);
  store<u8>(space, <u8>TRACK_SECTORS, VIRTIO_BLK_CONFIG_SECTORS);
  store<u32>(space, device.blockSize, VIRTIO_BLK_CONFIG_BLK_SIZE);
  store<u8>(space, <u8>device.writeCache, VIRTIO_BLK_CONFIG_WRITEBACK);
  store<u16>(space, <u16>device.queueCount, VIRTIO_BLK_CONFIG_NUM_QUEUES);
  store<u32>(space, VIRTIO_MAX_SECTORS, VIRTIO_BLK_CONFIG_MAX_DISCARD_SECTORS);
  store<u32>(space, 1, VIRTIO_BLK_CONFIG_MAX_DISCARD_SEG);
  store<u32>(space, device.blockSize >> SECTOR_SHIFT, VIRTIO_BLK_CONFIG_DISCARD_ALIGNMENT);
  store<u32>(space, VIRTIO_MAX_SECTORS, VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS);
  store<u32>(space, 1, VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SEG);
  store<u8>(space, 1, VIRTIO_BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP);
}

/** A field of 1, 2 or 4 bytes; all ones behind the end, 0 for another width. */
export function blkConfigRead(device: VirtioDevice, offset: u32, width: u32): u32 {
  if (width != 1 && width != 2 && width != 4) return 0;
  if (<u64>offset + width > <u64>VIRTIO_BLK_CONFIG_SIZE) return u32.MAX_VALUE >> (32 - width * 8);
  fill(device);
  switch (width) {
    case 1:
      return load<u8>(space + offset);
    case 2:
      return load<u16>(space + offset);
    default:
      return load<u32>(space + offset);
  }
}

/** Only the byte of `writeback` has an effect; it is taken whether CONFIG_WCE was negotiated or not, as QEMU takes it. */
export function blkConfigWrite(device: VirtioDevice, offset: u32, width: u32, value: u32): void {
  if (width != 1 && width != 2 && width != 4) return;
  if (offset > <u32>VIRTIO_BLK_CONFIG_WRITEBACK || offset + width <= <u32>VIRTIO_BLK_CONFIG_WRITEBACK) return;
  const byte = (value >> ((VIRTIO_BLK_CONFIG_WRITEBACK - offset) * 8)) & 0xff;
  device.writeCache = byte != 0 ? 1 : 0;
}
