// Service-time models: when will the drive be done with a request that it starts now?
//
// Verbs: serviceStart. One file a model in models/; each ends every request it was given
// with servedAt, once, and has no say in what becomes of bytes.

import { now } from '../base/clock';
import { DRIVE_MODEL_FIXED, DRIVE_MODEL_NVME, DRIVE_MODEL_SSD } from '../layout';
import { Drive } from './drive-table';
import { serviceEnd } from './episodes';
import { fixedStart } from './models/fixed';
import { flashStart } from './models/flash';
import { Request } from './request';
import { servedAt } from './served';

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
    default:
      servedAt(request, serviceEnd(drive, now(), 0));
  }
}
