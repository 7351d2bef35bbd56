// The trace that is open: its file, how a scene is made of it, and the reading of it.
//
// Verbs: openTraceFile, changeTrace, shownTrace, reading. The file stays with the page, so that other choices read it again.
// Invariant: one file is read at a time, and only until something else is opened; a reading that fails or is cancelled leaves what is shown as it was.

import { computed, signal } from '@preact/signals';
import type { ModelName } from '../../core/drive-models/index.ts';
import { chunksOf } from '../../trace/web-source.ts';
import { beginOpening, replaceScene } from '../actions.ts';
import { applyChanges, type Changes, changesOf, ownScene } from '../scene/changes.ts';
import { sceneFromTrace, type TraceScene } from '../scene/from-trace.ts';
import { scene } from '../state.ts';

/** What a reader chooses about a trace. */
export interface TraceChoices {
  readonly requests: number;
  readonly direct: boolean;
  readonly depth: number;
  readonly model: ModelName;
}

const FIRST_CHOICES: TraceChoices = { requests: 10_000, direct: false, depth: 32, model: 'ssd' };

interface OpenedTrace {
  readonly content: Blob;
  readonly name: string;
  readonly choices: TraceChoices;
  readonly made: TraceScene;
}

export interface Reading {
  readonly name: string;
  readonly bytesRead: number;
  readonly sizeBytes: number;
}

const opened = signal<OpenedTrace | undefined>(undefined);
/** The trace that the shown scene is made of, whatever knobs are turned. */
export const shownTrace = computed(() =>
  opened.value?.made.scene === ownScene(scene.value) ? opened.value : undefined,
);
/** Only of a reading that takes long enough to be told of. */
export const reading = signal<Reading | undefined>(undefined);

/** A reading that ends sooner is not told of. */
const TOLD_AFTER_MS = 200;

/** The reading that goes on: the next choice builds on its choices. */
let current: { readonly content: Blob; readonly choices: TraceChoices } | undefined;

/** Throws what is wrong with the trace, or with its scene. `wanted`: as long as it does not tell otherwise, the trace is. */
export async function openTraceFile(content: Blob, name: string, wanted: AbortSignal): Promise<void> {
  await read(content, name, FIRST_CHOICES, {}, wanted);
}

/** Reads the trace again, with another choice. What knobs have changed about the machine stays, but for its drives, which may be others now. */
export async function changeTrace(change: Partial<TraceChoices>): Promise<void> {
  const trace = shownTrace.value;
  if (trace === undefined) return;
  const kept = Object.entries(changesOf(scene.value)).filter(
    ([path]) => path.startsWith('machine.') && !path.startsWith('machine.drives'),
  );
  const choices = current?.content === trace.content ? current.choices : trace.choices;
  await read(trace.content, trace.name, { ...choices, ...change }, Object.fromEntries(kept), beginOpening());
}

async function read(
  content: Blob,
  name: string,
  choices: TraceChoices,
  changes: Changes,
  signal: AbortSignal,
): Promise<void> {
  const mine = { content, choices };
  current = mine;
  let bytesRead = 0;
  const tellProgress = (): void => {
    reading.value = { name, bytesRead, sizeBytes: content.size };
  };
  const timer = setTimeout(tellProgress, TOLD_AFTER_MS);
  const end = (): void => {
    clearTimeout(timer);
    if (current !== mine) return;
    reading.value = undefined;
    current = undefined;
  };
  signal.addEventListener('abort', end);
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunksOf(content, signal)) {
      bytesRead += chunk.length;
      if (reading.value !== undefined) tellProgress();
      yield chunk;
    }
  }
  try {
    const made = await sceneFromTrace(counted(), { ...choices, name, signal });
    signal.throwIfAborted();
    await replaceScene(applyChanges(made.scene, changes), 0, signal);
    if (ownScene(scene.value) === made.scene) opened.value = { content, name, choices, made };
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    end();
  }
}
