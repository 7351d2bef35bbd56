// All that the page's worker can be asked: about a scene's run, and about pulling its plug.
// Apart from the two protocols, so that each of them stands without the other.

import type { PlugEngine } from './plug-protocol.ts';
import type { Engine } from './protocol.ts';

export type WorkerCalls = Engine & PlugEngine;
