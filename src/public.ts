// What both entries, Node's and the browser's, export alike: the machine's parts by their public names.
// Nothing is defined here.

export {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  RWF_APPEND,
  RWF_ATOMIC,
  RWF_DONTCACHE,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOSIGNAL,
  RWF_NOWAIT,
  RWF_SYNC,
} from '../assembly/layout.ts';
export { AioContext, AioEvent, type GetEventsOptions } from './aio.ts';
export { Aio, AioQueue, type BatchOptions, type BatchResult } from './aio-queue.ts';
export {
  type AioOptions,
  type AioRequest,
  type Descriptor,
  fdsync,
  fsync,
  poll,
  pread,
  preadv,
  prepIocb,
  pwrite,
  pwritev,
} from './aio-request.ts';
export { SparseMemory } from './backing/sparse-memory.ts';
export { BlockDevice, type BlockOperation, BlockRequest, type BlockRequestOptions } from './block-device.ts';
export type { CoreSource } from './core/core.ts';
export {
  DRIVE_MODELS,
  type DriveModel,
  MODEL_NAMES,
  type ModelName,
  type ParameterShown,
  parameterValues,
} from './core/drive-models/index.ts';
export type { ModelParameter, ParameterUnit } from './core/drive-models/parameter.ts';
export { type DriveText, describeDrive, parseDrive, printDrive } from './core/drive-models/text.ts';
export type {
  CacheMode,
  DeadlineConfig,
  DriveConfig,
  Engine,
  EpisodeConfig,
  ErrorPolicy,
  FileConfig,
  LatencyConfig,
  MachineConfig,
  Scheduler,
  Size,
  UsrbioConfig,
  VirtioConfig,
  VmConfig,
  VolumeConfig,
  VolumeProfile,
  WriteLogConfig,
} from './core/options.ts';
export type { DrivePromise } from './core/promises.ts';
export { RegisteredBuffer } from './core/registered-buffer.ts';
export { formatSize, parseSize } from './core/size.ts';
export { type VirtioBlkChain, VirtioBlkRequest } from './core/virtio-queue.ts';
export type { Counters } from './counters.ts';
export type { CrashCount, CrashImagesOptions } from './crash/explorer.ts';
export { CrashImage, type TornWrite } from './crash/image.ts';
export type { CrashPoint, LoggedWrite } from './crash/log-facts.ts';
export type { CrashExplorerOptions, CrashModel } from './crash/options.ts';
export type { CrashLoss, CrashState } from './crash/state.ts';
export type { CrashKind, CrashOptions } from './crash-kinds.ts';
export {
  type AbortReason,
  CephAbortError,
  ConfigError,
  InternalError,
  StorageError,
  VolumeError,
  WriteLogError,
} from './errors.ts';
export { Eventfd, type EventfdOptions } from './eventfd.ts';
export { WorkloadError } from './explore/explore-reasons.ts';
export { FAULT_CATALOGUE, REPORTED_FAULTS, SILENT_FAULTS } from './explore/faults-plan.ts';
export { FaultReport, FaultsNotHandledError } from './explore/faults-report.ts';
export {
  type ExploreFaultsOptions,
  FAULT_OUTCOMES,
  type FaultCoverage,
  type FaultFacts,
  type FaultFinding,
  type FaultLook,
  type FaultOutcome,
  type FaultRun,
} from './explore/faults-types.ts';
export { RecoverTimeoutError, RecoveryDiffersError } from './explore/judge-failure.ts';
export { parseRecipe, type Rerun } from './explore/recipe.ts';
export type * from './explore/types.ts';
export { Verdict, VerdictError } from './explore/verdict.ts';
export type { FaultRule, ResolvedFaultRule } from './faults/rule.ts';
export {
  FAULT_ACTIONS,
  FAULT_EFFECTS,
  FAULT_TABLE,
  type FaultAction,
  type FaultEffect,
} from './faults/table.ts';
export { formatFaultRule, parseFaultRule } from './faults/text.ts';
export { type FaultLayer, type FaultStatus, Faults } from './faults.ts';
export { OpenFile, type OpenOptions } from './files.ts';
export type { Attributes } from './fs/attributes.ts';
export type { Path } from './fs/calls.ts';
export { FileSystem, type RenameOptions, type WriteOptions } from './fs/file-system.ts';
export type { OpenFlags } from './fs/open-flags.ts';
export type { DirectoryEntry, FileStat, VolumeStat } from './fs/structs.ts';
export { type Advice, type SyncRangeSteps, VolumeFile } from './fs/volume-file.ts';
export type { HeldRequest } from './held-requests.ts';
export { IoContext, type IoContextOptions } from './io-context.ts';
export { KernelDevice, type KernelDeviceOptions } from './kernel-device.ts';
export * from './libaio.ts';
export { type MachineRecord, RECORD_KIND_NAMES, type RecordKind, RecordReader } from './records.ts';
export { Snapshot } from './snapshot.ts';
export type { Survivors, UncertainWrite } from './uncertain-writes.ts';
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
export {
  VirtioBlkDevice,
  type VirtioBlkFeature,
  type VirtioBlkOptions,
  type VirtioBlkStats,
} from './virtio-blk.ts';
export type { DirtyLimits, DiskStat, Meminfo, Vmstat } from './vmstat.ts';
export { type DmExportOptions, type DmLog, exportDmLogWrites } from './write-log/dm-export.ts';
export type { ImportedLog } from './write-log/dm-import.ts';
export type {
  LogComplete,
  LogEntry,
  LogMark,
  LogOperation,
  LogPart,
  LogSubmit,
  TornTail,
  WriteLog,
} from './write-log/entries.ts';
export type { MachineLog } from './write-log/machine-log.ts';
export { type ReplayLogOptions, replayWriteLog } from './write-log/replay.ts';
export type { LogInput, LogSource } from './write-log/source.ts';
export { LogWriter, type WrittenRequest } from './write-log/writer.ts';
