// The worker's calls in Node, with all parts of a run put together.

import { readFileSync } from 'node:fs';
import type { Scene } from '../../../../src/playground/scene/types.ts';
import { type Bench, makeEngine } from '../../../../src/playground/worker/engine.ts';
import type { Engine, RunPart, Shape } from '../../../../src/playground/worker/protocol.ts';

/** A build of the core, compiled. */
export function compileBuild(name = 'core.wasm'): Promise<WebAssembly.Module> {
  return WebAssembly.compile(readFileSync(new URL(`../../../../wasm/${name}`, import.meta.url)));
}

/** An engine in Node. */
export function nodeEngine(build = 'core.wasm'): { readonly engine: Engine; readonly bench: Bench } {
  return makeEngine(() => compileBuild(build));
}

/** A run that was played to its end. */
export interface Played {
  readonly engine: Engine;
  readonly bench: Bench;
  readonly shape: Shape;
  readonly parts: readonly RunPart[];
  readonly stepCount: number;
  /** Hash behind step number `step`, from 1, as machine.recordHash has it. */
  hashOf(step: number): string;
}

/** Plays a scene in an engine to its end, or to where it is cut short. */
export async function playAhead(scene: Scene, build = 'core.wasm'): Promise<Played> {
  const { engine, bench } = nodeEngine(build);
  const parts: RunPart[] = [];
  const { shape } = await engine.open(scene, (_run, part) => parts.push(part));
  await bench.session().whole;
  const hashes = parts.flatMap((part) => [...part.hashes]);
  return {
    engine,
    bench,
    shape,
    parts,
    stepCount: hashes.length,
    hashOf: (step) => (hashes[step - 1] as bigint).toString(16).padStart(16, '0'),
  };
}
