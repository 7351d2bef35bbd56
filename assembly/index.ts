// The whole ABI: every export of the module, grouped by folder, nothing else. wasm/README.md tells it as a C header would.
import './base/abort';

// machine
export { configAddress, machineOpen, rootAddress } from './machine';
export { machineAdvance, machineRecord, machineRun, machineRunDue, machineStep } from './machine';

// drive
export { driveAttach, driveCutPower, driveHeldCount, driveHoldCompletions } from './machine';
export { driveReleaseCompletion, driveVolatileCount } from './machine';
export { imageClose, imageOpen, imageSize } from './machine';

// files
export { fileClose, fileDiscard, fileOpen, filePread, filePwrite, fileSize, fileSync } from './machine';

// rings
export { ioCancel as aioCancel, ioSetup as aioSetup } from './rings/aio';
export { aioDestroy, aioGetevents, aioSubmit } from './machine';

// guest
export { virtioKick, virtioNeedsReset, virtioQueue } from './machine';

// replay
export { replayBatch, replayLatency, replayOpen, replayRun, replaySyncAll } from './machine';
