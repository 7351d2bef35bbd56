// Service-time models: when will the drive be done with a request that it starts now?
//
// Verbs: serviceClaim, serviceInit, serviceStart, serviceWoken. One file a model in models/; each ends every request it was given
// with servedAt, once, and has no say in what becomes of bytes.

import { now } from '../base/clock';
import {
  CONFIG_DRIVE_MODEL,
  CONFIG_DRIVE_SIZE,
  DRIVE_MODEL_FIXED,
  DRIVE_MODEL_HDD,
  DRIVE_MODEL_NVME,
  DRIVE_MODEL_SSD,
} from '../layout';
import { Drive } from './drive-table';
import { serviceEnd } from './episodes';
import { fixedStart } from './models/fixed';
import { flashStart } from './models/flash';
import { hddBytes, hddClaim, hddInit, hddStart, hddWake } from './models/hdd';
import { Request } from './request';
import { servedAt } from './served';

/** Claims what the models of the `count` drives (configs at `config`) keep beside the drives' records. */
export function serviceClaim(config: usize, count: u32): void {
  let bytes: u64 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const drive = config + <usize>index * CONFIG_DRIVE_SIZE;
    if (load<u32>(drive, CONFIG_DRIVE_MODEL) == DRIVE_MODEL_HDD) bytes += hddBytes(drive);
  }
  hddClaim(bytes);
}

/** After driveInit. */
export function serviceInit(): void {
  hddInit();
}

/** Handler of KIND_DRIVE_BACKGROUND (owner: a drive): its model wanted to be woken now. */
export function serviceWoken(owner: usize, _result: i32): void {
  const drive = changetype<Drive>(owner);
  if (drive.model == DRIVE_MODEL_HDD) hddWake(drive);
}

/** The drive takes the request; the model will say when it is done. */
export function serviceStart(drive: Drive, request: Request): void {
  switch (drive.model) {
    case DRIVE_MODEL_FIXED:
      fixedStart(drive, request);
      break;
    case DRIVE_MODEL_SSD:
    case DRIVE_MODEL_NVME:
      flashStart(drive, request);
      break;
    case DRIVE_MODEL_HDD:
      hddStart(drive, request);
      break;
    default:
      servedAt(request, serviceEnd(drive, now(), 0));
  }
}
