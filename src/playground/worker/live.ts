// The worker of a live machine: a kept disk or a Linux guest. A page starts one for each.
//
// v86 chooses how it gives its thread back when it is loaded: by a worker from a blob:, which the page's policy forbids, or by the Scheduling
// API where the address of the script has "use-scheduling-api" in it, which this worker's has. A browser without that API gets the
// two lines that v86 needs of it.

import { expose } from 'comlink';
import { compileCore } from '../../core/core.ts';
import { Disk } from './disk.ts';
import { Guest } from './guest.ts';

interface Scheduler {
  postTask(body: () => void, options: { delay: number }): void;
}

/** A task at once without the 4 ms that nested timers wait. */
function messageScheduler(): Scheduler {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return {
    postTask(body, { delay }) {
      if (delay >= 1) setTimeout(body, delay);
      else {
        waiting.push(body);
        port2.postMessage(undefined);
      }
    },
  };
}

const scope = globalThis as { scheduler?: Scheduler };
if (typeof scope.scheduler?.postTask !== 'function') scope.scheduler = messageScheduler();

const core = compileCore(new URL('./core.wasm', import.meta.url));

expose({ disk: new Disk(core), guest: new Guest(core) });
