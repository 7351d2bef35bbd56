// The worker's calls: one scene is open at a time, and each call is about that one.
//
// Verbs: makeEngine. Apart from the worker itself, so that Node can call it too.

import { Machine } from '../../browser.ts';
import type { CreateMachine, SceneRun } from '../scene/run.ts';
import { Afterlives } from './afterlives.ts';
import type { Engine, OnPart } from './protocol.ts';
import { Session } from './session.ts';

/** What is open, for those who add calls of their own. */
export interface Bench {
  /** The compiled module. */
  readonly module: () => Promise<WebAssembly.Module>;
  readonly create: CreateMachine;
  /** Throws an Error while no scene is open. */
  readonly session: () => Session<SceneRun>;
  /** Runs that go on behind crashes of it. */
  readonly afterlives: Afterlives;
}

/** `compile`: gets the module; it is asked once. `send` gives a part to the page. */
export function makeEngine(compile: () => Promise<WebAssembly.Module>): {
  readonly engine: Engine;
  readonly bench: Bench;
} {
  let module: Promise<WebAssembly.Module> | undefined;
  let session: Session<SceneRun> | undefined;
  const afterlives = new Afterlives();
  let run = 0;
  const compiled = (): Promise<WebAssembly.Module> => {
    module ??= compile();
    return module;
  };
  const create: CreateMachine = async (options) => Machine.create(await compiled(), options);
  const opened = (): Session<SceneRun> => {
    if (session === undefined) throw new Error('no scene is open');
    return session;
  };
  let standing = 0;
  const engine: Engine = {
    async open(scene, onPart: OnPart) {
      const number = ++run;
      const next = await Session.open(scene, create, (part) => onPart(number, part));
      if (number !== run) {
        next.close();
        throw new Error('another scene was opened');
      }
      session?.close();
      afterlives.clear();
      session = next;
      standing = 0;
      return { run: number, shape: next.shape };
    },
    async stand(step, after = 0) {
      if (after > 0) return afterlives.get(after).session.stand(step);
      const told = opened().stand(step);
      standing = step;
      return told;
    },
    async sectors(drive, sector, sectorCount) {
      return opened().sectors(standing, drive, sector, sectorCount);
    },
  };
  return { engine, bench: { module: compiled, create, session: opened, afterlives } };
}
