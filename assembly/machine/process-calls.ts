// The death of the client as an export: what a process, or a virtual machine, leaves when it is killed.
//
// Verbs: processKill. What it had in flight goes on and ends without anybody to tell; then rings, contexts, devices, buffers and descriptors
// are gone, as exit_aio, exit_files and the daemons of 3FS and QEMU leave it. Page cache, volume and drives live on.
// Invariant: nothing refers to client memory afterwards, unless a drive never ends a request.

import { submissionReap } from '../block/submission';
import { driveHold } from '../drive/drive';
import { driveAt, driveCount } from '../drive/drive-table';
import { descriptorClose, descriptorOf } from '../files/descriptor';
import { deviceCount } from '../guest/virtio-device';
import { BLOCK_DONE_SIZE, VIRTIO_MMIO_STATUS } from '../layout';
import {
  MAX_AIO_CONTEXTS,
  MAX_AIO_QUEUES,
  MAX_DESCRIPTORS,
  MAX_IO_CONTEXTS,
  MAX_KERNEL_DEVICES,
} from '../limits';
import { liveContextAt } from '../rings/aio-context';
import { contextGive, contextOf } from '../rings/io-context';
import { buffersAbandon } from '../rings/usrbio-buffer';
import { deregFd, isDescriptorNumber } from '../rings/usrbio-fd';
import { ringAbandon, ringAt, ringEnd } from '../rings/usrbio-ring';
import { aioDestroy } from './aio-calls';
import { aioQueueDestroy, aioQueueShutdown } from './aio-queue-calls';
import { kernelDeviceClose } from './kernel-device-calls';
import { pumpOne } from './pump';
import { virtioWrite } from './virtio-calls';

const FIRST_DESCRIPTOR: i32 = 3;
const done: usize = memory.data(BLOCK_DONE_SIZE, 16);

function drain(): void {
  while (pumpOne()) {}
}

function killGuests(): void {
  for (let index: u32 = 0; index < deviceCount(); index++) virtioWrite(<i32>index, VIRTIO_MMIO_STATUS, 4, 0);
}

/** BlueStore's devices with their contexts and queues, its queues, and all contexts of Linux AIO. */
function killRings(): void {
  for (let handle = 1; handle <= MAX_KERNEL_DEVICES; handle++) kernelDeviceClose(handle);
  for (let handle = 1; handle <= MAX_IO_CONTEXTS; handle++) {
    const context = contextOf(handle);
    if (context != null) contextGive(context);
  }
  for (let handle = 1; handle <= MAX_AIO_QUEUES; handle++) {
    aioQueueShutdown(handle);
    aioQueueDestroy(handle);
  }
  for (let index: u32 = 0; index < <u32>MAX_AIO_CONTEXTS; index++) {
    const handle = liveContextAt(index);
    if (handle != 0) aioDestroy(<i32>handle);
  }
}

function killUsrbio(): void {
  for (let index: u32 = 0; index < ringEnd(); index++) ringAbandon(ringAt(index));
  buffersAbandon();
  for (let number = 0; isDescriptorNumber(number); number++) deregFd(number);
}

/**
 * Kills the client. Drives that hold their completions let them go first; what is in flight ends, and takes the virtual time that it
 * takes. Returns 0.
 */
export function processKill(): i32 {
  for (let index: u32 = 0; index < driveCount(); index++) driveHold(driveAt(index), false);
  drain();
  killGuests();
  killRings();
  killUsrbio();
  while (submissionReap(done, 1) > 0) {}
  for (let index = 0; index < MAX_DESCRIPTORS; index++) {
    const descriptor = index + FIRST_DESCRIPTOR;
    if (descriptorOf(descriptor) != 0) descriptorClose(descriptor);
  }
  drain();
  return 0;
}
