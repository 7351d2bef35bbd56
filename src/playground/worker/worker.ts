// The worker: the module runs here, away from the page, so that drawing and stepping never wait for each other.
//
// It has the calls of engine.ts and plug.ts through Comlink; a run's parts go over without a copy.

import { expose, transfer } from 'comlink';
import { compileCore } from '../../core/core.ts';
import type { WorkerCalls } from './calls.ts';
import { makeEngine } from './engine.ts';
import { makePlug } from './plug.ts';
import type { RunPart } from './protocol.ts';

const { engine, bench } = makeEngine(() => compileCore(new URL('./core.wasm', import.meta.url)));

/** A part's arrays go over to the page, without a copy. */
function handOver(part: RunPart): RunPart {
  const { records, recordEnds, timesNs, chapters, hashes } = part;
  return transfer(
    part,
    [records, recordEnds, timesNs, chapters, hashes].map(({ buffer }) => buffer),
  );
}

const inWorker: WorkerCalls = {
  ...engine,
  ...makePlug(bench),
  open: (scene, onPart) => engine.open(scene, (run, part) => onPart(run, handOver(part))),
};

expose(inWorker);
