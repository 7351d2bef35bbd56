// Calls for the machine as a whole.
//
// Verbs: doMachineWork.

import type { Machine } from '../../machine.ts';
import { resultOf } from './clients/target.ts';
import type { MachineWork, SceneMachine } from './types.ts';

/** Drops clean pages, or makes everything durable; runs to its end. 0 or a negative errno. */
export function doMachineWork(machine: Machine, options: SceneMachine, { op }: MachineWork): number {
  if (op === 'dropCaches') {
    machine.dropCaches();
    return 0;
  }
  return resultOf(() => {
    if (options.volume !== undefined && options.volume !== false) machine.fs.sync();
    const names = Array.from({ length: machine.driveCount }, (_, drive) => `drive${drive}`);
    for (const name of [...names, ...(options.files ?? []).map((file) => file.name)]) {
      const file = machine.openFile(name);
      try {
        file.sync();
      } finally {
        file.close();
      }
    }
  });
}
