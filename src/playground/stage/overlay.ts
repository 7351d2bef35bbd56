// What a power cut would do to each thing that is drawn, while the reader looks at that.
//
// Whoever shows a power cut sets `fates` and clears it again; the stage draws kept things with a tick and lost ones as ghosts with a cross.

import { signal } from '@preact/signals';
import type { EntityKey } from '../model/types.ts';

export type Fate = 'kept' | 'lost' | 'torn';

export const fates = signal<ReadonlyMap<EntityKey, Fate> | undefined>(undefined);
