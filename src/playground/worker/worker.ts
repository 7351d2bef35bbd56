// The worker: the module runs here, away from the page, so that drawing and stepping never wait for each other.

import { expose } from 'comlink';
import type { Engine } from './protocol.ts';

const engine: Engine = {
  open: () => Promise.reject(new Error('the engine is not there yet')),
  stand: () => Promise.reject(new Error('the engine is not there yet')),
  sectors: () => Promise.reject(new Error('the engine is not there yet')),
};

expose(engine);
