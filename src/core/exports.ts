// The functions that the module exports, as TypeScript sees them: one line for each line of assembly/index.ts.
// All take and give i32 or f64. What each does stands at its definition in assembly/ and in wasm/README.md.

export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  configAddress(): number;
  machineOpen(): number;
  rootAddress(): number;
  processKill(): number;
  machineAdvance(nanoseconds: number): number;
  machineCheck(out: number): number;
  machineRecord(isOn: number): void;
  machineRun(limit: number): number;
  machineRunDue(): number;
  machineStep(): number;
  machineStepUntil(timeNs: number): number;
  machineTag(tag: number): number;
  logAttach(fd: number): number;
  logFlush(): number;
  logMark(text: number, bytes: number): number;
  logRead(out: number, bytes: number, offset: number): number;
  logState(): number;
  driveAttach(drive: number, fd: number, undoFd: number): number;
  driveCutPower(
    drive: number,
    choose: number,
    unitBytes: number,
    mask: number,
    maskBytes: number,
    seed: number,
  ): number;
  drivesForget(): number;
  drivesLoad(hasPower: number): number;
  drivesSave(): number;
  driveUncertain(drive: number, unitBytes: number, skip: number, out: number, max: number): number;
  driveEpisode(drive: number, episode: number): number;
  driveHeld(drive: number, out: number, most: number): number;
  driveHeldCount(drive: number): number;
  driveHoldCompletions(drive: number, isHolding: number): number;
  driveHoldDispatch(drive: number, isHolding: number): number;
  driveLatencyPoints(drive: number, points: number, count: number): number;
  driveReleaseCompletion(drive: number, index: number): number;
  driveStat(drive: number): number;
  driveTimes(drive: number): number;
  driveVolatileCount(drive: number): number;
  blockPlug(): number;
  blockReap(out: number, most: number): number;
  blockSubmit(
    drive: number,
    operation: number,
    sector: number,
    sectorCount: number,
    address: number,
    flags: number,
    tag: number,
    domain: number,
  ): number;
  blockUnplug(): number;
  driveCancelRequest(drive: number, id: number): number;
  driveLateRequest(drive: number, index: number): number;
  faultAction(effect: number, operation: number): number;
  faultAdd(address: number): number;
  faultEnable(number: number, isOn: number): number;
  faultLayerAt(index: number): number;
  faultLayerRemove(number: number, isHealing: number): number;
  faultRemove(number: number): number;
  faultRuleAt(index: number): number;
  faultsAddress(): number;
  faultsAdopt(): number;
  faultsAttach(fd: number): number;
  faultsBytes(): number;
  imageClose(fd: number): number;
  imageOpen(directory: number, path: number, pathBytes: number, isReadOnly: number): number;
  imageSize(fd: number): number;
  fileAdvise(descriptor: number, offset: number, bytes: number, advice: number): number;
  fileClose(descriptor: number): number;
  fileDiscard(descriptor: number, offset: number, bytes: number): number;
  fileOpen(file: number, flags: number): number;
  filePread(descriptor: number, buffer: number, bytes: number, offset: number): number;
  filePreadv(descriptor: number, iovecs: number, count: number, offset: number): number;
  filePwrite(descriptor: number, buffer: number, bytes: number, offset: number): number;
  filePwritev(descriptor: number, iovecs: number, count: number, offset: number): number;
  fileSize(descriptor: number): number;
  fileSync(descriptor: number, dataOnly: number): number;
  fileTruncate(descriptor: number, size: number): number;
  fileSetAttributes(descriptor: number, mask: number, from: number): number;
  fileStat(descriptor: number, out: number): number;
  fileFallocate(descriptor: number, mode: number, offset: number, bytes: number): number;
  fileSeek(descriptor: number, offset: number, whence: number): number;
  fileSyncRange(descriptor: number, offset: number, bytes: number, flags: number): number;
  volumeCheck(out: number, bytes: number): number;
  volumeFormat(): number;
  volumeLink(from: number, fromBytes: number, to: number, toBytes: number): number;
  volumeMkdir(path: number, pathBytes: number, mode: number): number;
  volumeMount(): number;
  volumeOpen(path: number, pathBytes: number, flags: number, mode: number): number;
  volumeReaddir(descriptor: number, cursor: number, out: number, outBytes: number): number;
  volumeRename(from: number, fromBytes: number, to: number, toBytes: number, flags: number): number;
  volumeRmdir(path: number, pathBytes: number): number;
  volumeSetAttributes(path: number, pathBytes: number, mask: number, from: number): number;
  volumeStat(path: number, pathBytes: number, out: number): number;
  volumeStatfs(out: number): number;
  volumeSyncfs(descriptor: number): number;
  volumeUnlink(path: number, pathBytes: number): number;
  dirtyLimits(): number;
  volumeUnmount(): number;
  cacheDrop(): number;
  eventfdCreate(initialCount: number, flags: number): number;
  eventfdRead(descriptor: number, address: number): number;
  eventfdWrite(descriptor: number, address: number): number;
  aioCancel(context: number, iocb: number): number;
  aioSetup(eventCount: number, contextAddress: number): number;
  aioDestroy(context: number): number;
  aioGetevents(context: number, minimum: number, maximum: number, events: number, timeout: number): number;
  aioPgetevents(
    context: number,
    minimum: number,
    maximum: number,
    events: number,
    timeout: number,
    signals: number,
  ): number;
  aioSubmit(context: number, requestCount: number, pointers: number): number;
  aioMake(aio: number, priv: number, fd: number): number;
  aioPread(aio: number, offset: number, length: number, buffer: number): number;
  aioPreadv(aio: number, offset: number, length: number): number;
  aioPwritev(aio: number, offset: number, length: number): number;
  aioReturnValue(aio: number): number;
  aioQueueCreate(maxIodepth: number): number;
  aioQueueDestroy(queue: number): number;
  aioQueueGetNextCompleted(queue: number, timeoutMs: number, aios: number, maximum: number): number;
  aioQueueInit(queue: number): number;
  aioQueueShutdown(queue: number): number;
  aioQueueState(queue: number): number;
  ioContextAioRead(context: number, offset: number, buffer: number, bytes: number): number;
  ioContextAioWrite(
    context: number,
    offset: number,
    iovecs: number,
    count: number,
    isBuffered: number,
  ): number;
  ioContextCreate(device: number, priv: number, allowEio: number): number;
  ioContextDestroy(context: number): number;
  ioContextState(context: number): number;
  ioContextSubmit(context: number): number;
  ioContextWait(context: number): number;
  kernelDeviceBlackhole(device: number, isOn: number): number;
  kernelDeviceClose(device: number): number;
  kernelDeviceDiscard(device: number, offset: number, bytes: number): number;
  kernelDeviceFlush(device: number): number;
  kernelDeviceOpen(descriptor: number, options: number): number;
  kernelDeviceRead(device: number, offset: number, buffer: number, bytes: number): number;
  kernelDeviceReadRandom(device: number, offset: number, buffer: number, bytes: number): number;
  kernelDeviceState(device: number): number;
  kernelDeviceTakeDone(device: number): number;
  kernelDeviceWrite(
    device: number,
    offset: number,
    iovecs: number,
    count: number,
    isBuffered: number,
  ): number;
  aioQueueSubmitBatch(queue: number, aios: number, count: number, options: number): number;
  usrbioDeregFd(descriptor: number): void;
  usrbioExtractMountPoint(out: number, size: number, path: number): number;
  usrbioIoEntries(ior: number): number;
  usrbioIorCreate(
    ior: number,
    mount: number,
    entries: number,
    isForRead: number,
    ioDepth: number,
    priority: number,
    timeoutMs: number,
    numa: number,
    flags: number,
  ): number;
  usrbioIorDestroy(ior: number): void;
  usrbioIorSize(entries: number): number;
  usrbioIovCreate(iov: number, mount: number, bytes: number, blockSize: number, numa: number): number;
  usrbioIovDestroy(iov: number): void;
  usrbioIovOpen(
    iov: number,
    id: number,
    mount: number,
    bytes: number,
    blockSize: number,
    numa: number,
  ): number;
  usrbioIovPublish(id: number, base: number, bytes: number, blockSize: number): number;
  usrbioIovUnlink(iov: number): void;
  usrbioIovUnpublish(id: number): number;
  usrbioIovWrap(
    iov: number,
    base: number,
    id: number,
    mount: number,
    bytes: number,
    blockSize: number,
    numa: number,
  ): number;
  usrbioIsHf3fs(descriptor: number): number;
  usrbioPrepIo(
    ior: number,
    iov: number,
    isRead: number,
    pointer: number,
    descriptor: number,
    offset: number,
    bytes: number,
    userdata: number,
  ): number;
  usrbioPunchHole(descriptor: number, rangeCount: number, starts: number, ends: number): number;
  usrbioRegFd(descriptor: number): number;
  usrbioSubmitIos(ior: number): number;
  usrbioTakeResults(ior: number, cqes: number, limit: number): number;
  usrbioWaitForIos(ior: number, cqes: number, limit: number, minimum: number, timeout: number): number;
  virtioDrainBegin(device: number): number;
  virtioDrainEnd(device: number): number;
  virtioMemory(device: number, base: number, bytes: number): number;
  virtioRead(device: number, offset: number, width: number): number;
  virtioResize(device: number, bytes: number): number;
  virtioResume(device: number): number;
  virtioStats(device: number): number;
  virtioWrite(device: number, offset: number, width: number, value: number): number;
  replayBatch(recordCount: number): number;
  replayDrain(eventLimit: number): number;
  replayHistogram(kind: number): number;
  replayOpen(through: number): number;
  replayRun(eventLimit: number): number;
  replaySync(eventLimit: number): number;
  crashBuild(ordinal: number): number;
  crashClose(): number;
  crashDescribe(ordinal: number): number;
  crashImage(image: number): number;
  crashOpen(): number;
  crashPoint(point: number): number;
  crashRebuild(lossCount: number): number;
  crashReport(): number;
  crashVisit(visit: number): number;
}
