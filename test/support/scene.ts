// Plays a scene of the playground to its end, and keeps what its claims are checked by.
//
// Verbs: playScene.

import { Machine } from '../../src/browser.ts';
import { type FoundNote, NoteFinder } from '../../src/playground/scene/notes.ts';
import { openScene, type SceneRun } from '../../src/playground/scene/run.ts';
import type { Scene } from '../../src/playground/scene/types.ts';
import type { MachineRecord, RecordKind } from '../../src/records.ts';
import { type Build, coreModule } from './machine.ts';

export interface PlayedScene {
  readonly run: SceneRun;
  /** Records of each chapter; those of the opening stand in none. */
  readonly chapters: readonly (readonly MachineRecord[])[];
  /** Virtual time at the end of each chapter. */
  readonly endsNs: readonly number[];
  /** Notes in the order in which records proved them. */
  readonly found: readonly FoundNote[];
  readonly lost: number;
  /** Records of a chapter, of one kind, in their order. */
  of(chapter: number, kind: RecordKind): MachineRecord[];
  /** Virtual nanoseconds that a chapter took. */
  tookNs(chapter: number): number;
}

export async function playScene(scene: Scene, build: Build = 'release'): Promise<PlayedScene> {
  const core = await coreModule(build);
  const run = await openScene(scene, (options) => Machine.create(core, options));
  const finder = new NoteFinder(scene.chapters);
  const chapters: MachineRecord[][] = scene.chapters.map(() => []);
  const endsNs: number[] = [];
  while (run.step()) {
    for (const record of run.machine.records.take()) {
      finder.add(run.chapter, record);
      chapters[run.chapter]?.push(record);
    }
    endsNs[run.chapter] = run.machine.nowNs;
  }
  return {
    run,
    chapters,
    endsNs,
    found: finder.found,
    lost: run.machine.records.lost,
    of: (chapter, kind) => (chapters[chapter] ?? []).filter((record) => record.kind === kind),
    tookNs: (chapter) => (endsNs[chapter] ?? 0) - (endsNs[chapter - 1] ?? 0),
  };
}
