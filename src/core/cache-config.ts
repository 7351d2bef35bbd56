// Options of the page cache and of the volume → fields of the config struct.
// Verbs: cacheFields, volumeFields.

import {
  CONFIG_BLOCK_SIZE,
  CONFIG_DIRTY_BACKGROUND_PAGES,
  CONFIG_DIRTY_BACKGROUND_RATIO,
  CONFIG_DIRTY_EXPIRE_CENTISECS,
  CONFIG_DIRTY_PAGES,
  CONFIG_DIRTY_RATIO,
  CONFIG_DIRTY_WRITEBACK_CENTISECS,
  CONFIG_EVICTION,
  CONFIG_READAHEAD_PAGES,
  CONFIG_VOLUME_BLOCKS,
  CONFIG_VOLUME_DRIVE,
  CONFIG_VOLUME_EXTENTS,
  CONFIG_VOLUME_FLAGS,
  CONFIG_VOLUME_INODES,
  CONFIG_WRITE_BANDWIDTH_PAGES,
} from '../../assembly/layout.ts';
import { PAGE_SIZE } from '../../assembly/limits.ts';
import { ConfigError } from '../errors.ts';
import { oneOf, whole } from './config-values.ts';
import {
  EVICTIONS,
  type MachineConfig,
  type Size,
  type VmConfig,
  VOLUME_PROFILES,
  type VolumeConfig,
} from './options.ts';
import { parseSize } from './size.ts';

export const DEFAULT_READAHEAD = 131072;
const DEFAULT_WRITE_BANDWIDTH = 104857600;
const MAX_VOLUME_INODES = 4096;
const MIN_VOLUME_INODES = 16;
const MAX_VOLUME_EXTENTS = 1048576;
/** mke2fs makes one inode for this many bytes. */
const BYTES_AN_INODE = 16384;

function pages(field: string, value: Size | undefined): number {
  return value === undefined ? 0 : whole(field, Math.ceil(parseSize(value, field) / PAGE_SIZE), 0);
}

/** A limit is given as a ratio or in bytes, as in /proc/sys/vm: setting one unsets the other. */
function checkOneForm(vm: VmConfig): void {
  const forms = [
    ['dirtyBytes', 'dirtyRatio'],
    ['dirtyBackgroundBytes', 'dirtyBackgroundRatio'],
  ] as const;
  for (const [bytes, ratio] of forms) {
    if (vm[bytes] !== undefined && vm[ratio] !== undefined)
      throw new ConfigError(`vm.${bytes}`, vm[bytes], `left out when vm.${ratio} is given`);
  }
}

/** Fields of eviction, readahead, dirty limits and the flusher. Throws ConfigError. */
export function cacheFields(config: MachineConfig): [number, number][] {
  const vm = config.vm ?? {};
  checkOneForm(vm);
  return [
    [CONFIG_BLOCK_SIZE, whole('blockSize', config.blockSize, PAGE_SIZE)],
    [CONFIG_EVICTION, EVICTIONS.indexOf(oneOf('eviction', config.eviction, EVICTIONS, 'linux'))],
    [CONFIG_READAHEAD_PAGES, pages('readahead', config.readahead ?? DEFAULT_READAHEAD)],
    [CONFIG_DIRTY_RATIO, whole('vm.dirtyRatio', vm.dirtyRatio, 20)],
    [CONFIG_DIRTY_BACKGROUND_RATIO, whole('vm.dirtyBackgroundRatio', vm.dirtyBackgroundRatio, 10)],
    [CONFIG_DIRTY_PAGES, pages('vm.dirtyBytes', vm.dirtyBytes)],
    [CONFIG_DIRTY_BACKGROUND_PAGES, pages('vm.dirtyBackgroundBytes', vm.dirtyBackgroundBytes)],
    [CONFIG_DIRTY_EXPIRE_CENTISECS, whole('vm.dirtyExpireCentisecs', vm.dirtyExpireCentisecs, 3000)],
    [CONFIG_DIRTY_WRITEBACK_CENTISECS, whole('vm.dirtyWritebackCentisecs', vm.dirtyWritebackCentisecs, 500)],
    [CONFIG_WRITE_BANDWIDTH_PAGES, pages('vm.writeBandwidth', vm.writeBandwidth ?? DEFAULT_WRITE_BANDWIDTH)],
  ];
}

/** Fields of the volume: all 0 without one. `driveSizes`: bytes of each drive. Throws ConfigError. */
export function volumeFields(config: MachineConfig, driveSizes: readonly number[]): [number, number][] {
  if (config.volume === undefined || config.volume === false) return [];
  if (config.payload === 'none')
    throw new ConfigError('volume', 'given', "left out with payload 'none': a volume needs bytes");
  const volume: VolumeConfig = config.volume === true ? {} : config.volume;
  const drive = whole('volume.drive', volume.drive, 0);
  const driveSize = driveSizes[drive];
  if (driveSize === undefined)
    throw new ConfigError('volume.drive', drive, `below the number of drives, ${driveSizes.length}`);
  const size = volume.size === undefined ? driveSize : parseSize(volume.size, 'volume.size');
  if (size > driveSize) throw new ConfigError('volume.size', size, `at most the drive's size, ${driveSize}`);
  const blocks = Math.floor(size / whole('blockSize', config.blockSize, PAGE_SIZE));
  const inodes = Math.min(Math.max(Math.floor(size / BYTES_AN_INODE), MIN_VOLUME_INODES), MAX_VOLUME_INODES);
  return [
    [CONFIG_VOLUME_DRIVE, drive],
    [
      CONFIG_VOLUME_FLAGS,
      VOLUME_PROFILES.indexOf(oneOf('volume.profile', volume.profile, VOLUME_PROFILES, 'journal')),
    ],
    [CONFIG_VOLUME_BLOCKS, whole('volume.size in blocks', blocks, 0)],
    [CONFIG_VOLUME_INODES, whole('volume.inodes', volume.inodes, inodes)],
    [CONFIG_VOLUME_EXTENTS, whole('volume.extents', volume.extents, Math.min(blocks, MAX_VOLUME_EXTENTS))],
  ];
}
