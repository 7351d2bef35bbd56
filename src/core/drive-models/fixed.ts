// The fixed model takes its latencies and channels from options of the drive; it has no parameters in the table.

import type { ModelParameter } from './parameter.ts';

export const FIXED_PARAMETERS: readonly ModelParameter[] = [];
