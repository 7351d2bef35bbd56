// Descriptors that are registered for USRBIO (hf3fs_reg_fd).
//
// Verbs: regFd, deregFd, registrationOf. A registration keeps the file and the mode that it was opened with, whatever
// becomes of the descriptor; a duplicate of the descriptor is made and is registered too.
// Layout: a word for each descriptor number: 0 or the Registration, which both numbers share.

import { arenaClaim } from '../base/arena';
import { EBADF, EINVAL, EMFILE } from '../base/errno';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../base/pool';
import {
  descriptorClose,
  descriptorDup,
  holdDescriptor,
  openFileOf,
  releaseDescriptor,
} from '../files/descriptor';
import { MAX_DESCRIPTORS } from '../limits';

/** Descriptor numbers are below this: 3, and one for each place of the table. */
const NUMBER_END: u32 = MAX_DESCRIPTORS + 3;

@unmanaged
export class Registration {
  opened: usize;
  descriptor: u32;
  duplicate: u32;
}

const registrationPool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const table: usize = memory.data(8, 8);

export function registrationsClaim(): void {
  poolClaim(registrationPool, offsetof<Registration>(), MAX_DESCRIPTORS / 2);
  store<usize>(table, arenaClaim(<u64>NUMBER_END * 4, 16));
}

export function registrationsInit(): void {
  poolInit(registrationPool);
}

function place(descriptor: u32): usize {
  return load<usize>(table) + ((<usize>descriptor) << 2);
}

/** True for a number that a descriptor may have. */
export function isDescriptorNumber(descriptor: i32): bool {
  return descriptor >= 0 && <u32>descriptor < NUMBER_END;
}

/** The registration of a descriptor number (checked with isDescriptorNumber), or null. */
export function registrationOf(descriptor: i32): Registration | null {
  return changetype<Registration | null>(load<usize>(place(<u32>descriptor)));
}

/** hf3fs_is_hf3fs: true for an open file of this machine. */
export function isHf3fs(descriptor: i32): bool {
  return openFileOf(descriptor) != 0;
}

/** hf3fs_reg_fd: minus the duplicate's number, or a POSITIVE errno: EBADF (no such file), EINVAL (registered), EMFILE. */
export function regFd(descriptor: i32): i32 {
  if (!isHf3fs(descriptor)) return EBADF;
  if (registrationOf(descriptor) != null) return EINVAL;
  const duplicate = descriptorDup(descriptor);
  if (duplicate < 0) return -duplicate;
  const pointer = registrationOf(duplicate) == null ? poolTake(registrationPool) : 0;
  if (pointer == 0) {
    const isTaken = registrationOf(duplicate) != null;
    descriptorClose(duplicate);
    return isTaken ? EINVAL : EMFILE;
  }
  const registration = changetype<Registration>(pointer);
  registration.opened = openFileOf(descriptor);
  holdDescriptor(registration.opened);
  registration.descriptor = <u32>descriptor;
  registration.duplicate = <u32>duplicate;
  store<usize>(place(<u32>descriptor), pointer);
  store<usize>(place(<u32>duplicate), pointer);
  return -duplicate;
}

/** hf3fs_dereg_fd: forgets both numbers and closes the duplicate. Nothing for a number that is not registered. */
export function deregFd(descriptor: i32): void {
  if (!isDescriptorNumber(descriptor)) return;
  const registration = registrationOf(descriptor);
  if (registration == null) return;
  store<usize>(place(registration.descriptor), 0);
  store<usize>(place(registration.duplicate), 0);
  // the duplicate may be closed already, and its number somebody else's file
  if (openFileOf(<i32>registration.duplicate) == registration.opened)
    descriptorClose(<i32>registration.duplicate);
  releaseDescriptor(registration.opened);
  poolGive(registrationPool, changetype<usize>(registration));
}
