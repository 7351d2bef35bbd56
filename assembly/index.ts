// The whole ABI: every export of the module, grouped by folder, nothing else.
//
// Parameters and results are i32 or f64; 64-bit values travel in structs (layout.ts). wasm/README.md tells it as a C
// header would, and src/core/exports.ts as TypeScript does.
import './base/abort';

// machine
export { configAddress, rootAddress } from './machine/root';
export { machineCheck } from './machine/check-calls';
export { machineOpen } from './machine/open';
export { processKill } from './machine/process-calls';
export {
  machineAdvance,
  machineRecord,
  machineRun,
  machineRunDue,
  machineStep,
  machineStepUntil,
} from './machine/pump';

// drive
export {
  driveAttach,
  driveHeld,
  driveHeldCount,
  driveHoldCompletions,
  driveHoldDispatch,
} from './machine/drive-calls';
export { driveEpisode, driveLatencyPoints } from './machine/timing-calls';
export { driveReleaseCompletion, driveStat, driveTimes, driveVolatileCount } from './machine/drive-calls';
export { imageClose, imageOpen, imageSize } from './machine/drive-calls';
export { driveCutPower, drivesForget, drivesLoad, drivesSave, driveUncertain } from './machine/power-calls';

// the write log
export { logAttach, logFlush, logState } from './drive/write-log';
export { logMark, logRead, machineTag } from './machine/log-calls';

// faults
export { driveCancelRequest, driveLateRequest } from './machine/fault-calls';
export { faultAction } from './drive/fault-table';
export {
  faultAdd,
  faultEnable,
  faultLayerAt,
  faultLayerRemove,
  faultRemove,
  faultRuleAt,
  faultsAddress,
  faultsAdopt,
  faultsAttach,
  faultsBytes,
} from './machine/fault-calls';

// files
export {
  fileClose,
  fileDiscard,
  fileOpen,
  filePread,
  filePreadv,
  filePwrite,
  filePwritev,
  fileSize,
  fileSync,
  fileTruncate,
} from './machine/file-calls';
export {
  fileSetAttributes,
  fileStat,
  volumeCheck,
  volumeFormat,
  volumeLink,
  volumeMkdir,
  volumeMount,
  volumeOpen,
  volumeReaddir,
  volumeRename,
  volumeRmdir,
  volumeSetAttributes,
  volumeStat,
  volumeStatfs,
  volumeUnlink,
  volumeUnmount,
} from './machine/volume-calls';
export { cacheDrop, fileAdvise } from './machine/cache-calls';
export { fileFallocate, fileSeek, fileSyncRange, volumeSyncfs } from './machine/range-calls';
export { eventfdCreate, eventfdRead, eventfdWrite } from './files/eventfd';

// cache
export { dirtyLimits } from './cache/dirty-limits';

// rings
export { ioCancel as aioCancel } from './rings/aio-poll';
export { ioSetup as aioSetup } from './rings/aio-context';
export { aioMake, aioPread, aioPreadv, aioPwritev, aioReturnValue } from './rings/aio-t';
export { aioQueueState } from './rings/aio-queue';
export {
  aioQueueCreate,
  aioQueueDestroy,
  aioQueueGetNextCompleted,
  aioQueueInit,
  aioQueueShutdown,
  aioQueueSubmitBatch,
} from './machine/aio-queue-calls';
export {
  kernelDeviceBlackhole,
  kernelDeviceClose,
  kernelDeviceDiscard,
  kernelDeviceFlush,
  kernelDeviceOpen,
  kernelDeviceRead,
  kernelDeviceReadRandom,
  kernelDeviceState,
  kernelDeviceTakeDone,
  kernelDeviceWrite,
} from './machine/kernel-device-calls';
export {
  ioContextAioRead,
  ioContextAioWrite,
  ioContextCreate,
  ioContextDestroy,
  ioContextState,
  ioContextSubmit,
  ioContextWait,
} from './machine/kernel-device-calls';
export { aioDestroy, aioGetevents, aioPgetevents, aioSubmit } from './machine/aio-calls';

export { submitIos as usrbioSubmitIos } from './rings/usrbio-jobs';
export {
  extractMountPoint as usrbioExtractMountPoint,
  iovDestroy as usrbioIovDestroy,
  iovUnlink as usrbioIovUnlink,
  iovUnpublish as usrbioIovUnpublish,
} from './rings/usrbio-buffer';
export { deregFd as usrbioDeregFd, isHf3fs as usrbioIsHf3fs, regFd as usrbioRegFd } from './rings/usrbio-fd';
export { iorDestroy as usrbioIorDestroy } from './rings/usrbio-ring';
export {
  usrbioIoEntries,
  usrbioIorCreate,
  usrbioIorSize,
  usrbioIovCreate,
  usrbioIovOpen,
  usrbioIovPublish,
  usrbioIovWrap,
  usrbioPrepIo,
  usrbioPunchHole,
  usrbioTakeResults,
  usrbioWaitForIos,
} from './machine/usrbio-calls';

// guest
export {
  virtioDrainBegin,
  virtioDrainEnd,
  virtioMemory,
  virtioRead,
  virtioResize,
  virtioResume,
  virtioStats,
  virtioWrite,
} from './machine/virtio-calls';

// block
export { blockPlug, blockReap, blockSubmit, blockUnplug } from './machine/block-calls';

// replay
export {
  replayBatch,
  replayDrain,
  replayHistogram,
  replayOpen,
  replayRun,
  replaySync,
} from './machine/replay-calls';

// crash
export {
  crashBuild,
  crashClose,
  crashDescribe,
  crashImage,
  crashOpen,
  crashPoint,
  crashRebuild,
  crashReport,
  crashVisit,
} from './machine/crash-calls';
