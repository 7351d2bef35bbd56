// What both entries, Node's and the browser's, export alike: the machine's parts by their public names.
// Nothing is defined here.

export { AioContext, type AioEvent, type AioRequest, prepIocb } from './aio.ts';
export { SparseMemory } from './backing/sparse-memory.ts';
export type { CacheMode, DriveConfig, FileConfig, MachineConfig, Size, UsrbioConfig } from './core/config.ts';
export type { CoreSource } from './core/core.ts';
export { formatSize, parseSize } from './core/size.ts';
export type { Counters } from './counters.ts';
export { ConfigError, InternalError, StorageError } from './errors.ts';
export { OpenFile, type OpenOptions } from './files.ts';
export { type MachineRecord, RECORD_KIND_NAMES, type RecordKind, RecordReader } from './records.ts';
export {
  type IoResult,
  IoRing,
  type IoRingOptions,
  Iovec,
  type IovOptions,
  USRBIO_MOUNT_POINT,
  UsrbioClient,
  type WaitOptions,
} from './usrbio.ts';
export { UsrbioRaw } from './usrbio-raw.ts';
