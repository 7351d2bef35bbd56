// Discards and write-zeroes of a range of a drive or flat file.
//
// Verbs: driveRange, readyDriveRange, startDriveRange, operationBioDone. The range goes to the drive as bios of at most
// MAX_DISCARD_SECTORS; the last one that ends resumes the operation.
// Invariant: the file is one extent; files of a volume have holes punched instead (fallocate.ts).

import { complete, KIND_OPERATION_BIO, KIND_OPERATION_RESUME } from '../base/dispatch';
import { EINVAL } from '../base/errno';
import { OPERATION_DISCARD, Operation, PENDING } from '../base/operation';
import { park } from '../base/wait-queue';
import { submitBio } from '../block/queue';
import { Inode } from '../cache/inode';
import { Bio, bioGive, bioTake, bioWaiters } from '../drive/request';
import { OP_DISCARD, OP_WRITE_ZEROES } from '../layout';
import { MAX_DISCARD_SECTORS, SECTOR_SHIFT, SECTOR_SIZE } from '../limits';

export const STEP_SUBMIT: u8 = 3;
/** All bios are on their way; the operation is resumed when `pending` is 0. */
export const STEP_WAIT: u8 = 4;

/** Handler of KIND_OPERATION_BIO: one bio of an operation ended; the last one resumes it. */
export function operationBioDone(bioPointer: usize, result: i32): void {
  const bio = changetype<Bio>(bioPointer);
  const operation = changetype<Operation>(bio.owner);
  bioGive(bioPointer);
  if (result < 0 && operation.error == 0) operation.error = result;
  assert(operation.pending > 0, 'a bio ended twice');
  operation.pending--;
  // while it still submits it is not waiting for this
  if (operation.pending == 0 && operation.step == STEP_WAIT)
    complete(KIND_OPERATION_RESUME, changetype<usize>(operation), 0);
}

function submitPieces(operation: Operation, inode: Inode): i32 {
  while (operation.done < operation.length) {
    const bytes = <u32>(
      min<u64>(operation.length - operation.done, (<u64>MAX_DISCARD_SECTORS) << SECTOR_SHIFT)
    );
    const pointer = bioTake();
    if (pointer == 0) {
      park(bioWaiters(), changetype<usize>(operation));
      return PENDING;
    }
    const bio = changetype<Bio>(pointer);
    bio.doneKind = KIND_OPERATION_BIO;
    bio.owner = changetype<usize>(operation);
    bio.drive = inode.drive;
    bio.file = inode.index;
    bio.tag = operation.tag;
    bio.domain = inode.volumeInode;
    bio.operation = operation.kind == OPERATION_DISCARD ? OP_DISCARD : OP_WRITE_ZEROES;
    bio.sector = inode.extentSector + ((operation.position + operation.done) >> SECTOR_SHIFT);
    bio.sectorCount = bytes >> SECTOR_SHIFT;
    bio.segmentCount = 0;
    operation.done += bytes;
    operation.pending++;
    submitBio(bio);
  }
  return 0;
}

/** Sends the whole range to the drive. 0, a negative errno, or PENDING. `step` starts at STEP_SUBMIT. */
export function driveRange(operation: Operation, inode: Inode): i32 {
  if (operation.step == STEP_SUBMIT) {
    if (submitPieces(operation, inode) == PENDING) return PENDING;
    operation.step = STEP_WAIT;
  }
  if (operation.pending > 0) return PENDING;
  return operation.error;
}

/** Readies the operation for driveRange over whole sectors that lie in the file's room. */
export function readyDriveRange(operation: Operation, position: u64, length: u64): void {
  operation.position = position;
  operation.length = length;
  operation.done = 0;
  operation.step = STEP_SUBMIT;
}

/** The first step of a discard: checks the range. 0 to go on (then step is STEP_SUBMIT), or a negative errno. */
export function startDriveRange(operation: Operation, inode: Inode): i32 {
  if (((operation.position | operation.length) & (SECTOR_SIZE - 1)) != 0) return -EINVAL;
  if (operation.position >= inode.capacity) return -(<i32>inode.fullErrno);
  if (operation.length > inode.capacity - operation.position) return -EINVAL;
  operation.step = STEP_SUBMIT;
  return 0;
}
