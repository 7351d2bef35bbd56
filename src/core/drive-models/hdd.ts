// A rotating disk.

import type { ModelParameter } from './parameter.ts';

export const HDD_PARAMETERS: readonly ModelParameter[] = [];
