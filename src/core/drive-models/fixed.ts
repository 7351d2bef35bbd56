// The parameters of the fixed model.
//
// Its latencies and channels are options of the drive, as they were before models had parameters.

import { FIXED_BANDWIDTH } from '../../../assembly/layout.ts';
import type { ModelParameter } from './parameter.ts';

export const FIXED_PARAMETERS: readonly ModelParameter[] = [
  {
    name: 'bandwidth',
    index: FIXED_BANDWIDTH,
    unit: 'bytes/s',
    default: 0,
    minimum: 0,
    maximum: 1e15,
    source: 'none: an abstract drive whose bytes move in no time',
    meaning:
      'what a channel moves; the bytes of a read or write take their time on it beside the latency. 0: no limit',
  },
];
