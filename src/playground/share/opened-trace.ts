// The trace that is open: its file, how a scene is made of it, and the reading of it.
//
// Verbs: openTraceFile, changeTrace, cancelReading, shownTrace. The file stays with the page, so that other choices read it again.
// Invariant: one file is read at a time; a reading that fails or is cancelled leaves what is shown as it was.

import { computed, signal } from '@preact/signals';
import type { ModelName } from '../../core/drive-models/index.ts';
import { chunksOf } from '../../trace/web-source.ts';
import { replaceScene } from '../actions.ts';
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

let canceller: AbortController | undefined;
/** The choices of a reading that goes on: the next choice builds on them. */
let wanted: { readonly content: Blob; readonly choices: TraceChoices } | undefined;

/** Throws what is wrong with the trace, or with its scene. */
export async function openTraceFile(content: Blob, name: string): Promise<void> {
  await read(content, name, FIRST_CHOICES, {});
}

/** Reads the trace again, with another choice. What knobs have changed about the machine stays, but for its drives, which may be others now. */
export async function changeTrace(change: Partial<TraceChoices>): Promise<void> {
  const trace = shownTrace.value;
  if (trace === undefined) return;
  const kept = Object.entries(changesOf(scene.value)).filter(
    ([path]) => path.startsWith('machine.') && !path.startsWith('machine.drives'),
  );
  const choices = wanted?.content === trace.content ? wanted.choices : trace.choices;
  await read(trace.content, trace.name, { ...choices, ...change }, Object.fromEntries(kept));
}

export function cancelReading(): void {
  canceller?.abort();
}

async function read(content: Blob, name: string, choices: TraceChoices, changes: Changes): Promise<void> {
  cancelReading();
  const mine = new AbortController();
  canceller = mine;
  wanted = { content, choices };
  const { signal } = mine;
  let bytesRead = 0;
  const tellProgress = (): void => {
    reading.value = { name, bytesRead, sizeBytes: content.size };
  };
  const timer = setTimeout(tellProgress, TOLD_AFTER_MS);
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunksOf(content)) {
      bytesRead += chunk.length;
      if (reading.value !== undefined) tellProgress();
      yield chunk;
    }
  }
  try {
    const made = await sceneFromTrace(counted(), { ...choices, name, signal });
    signal.throwIfAborted();
    await replaceScene(applyChanges(made.scene, changes), 0);
    if (ownScene(scene.value) === made.scene) opened.value = { content, name, choices, made };
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    if (canceller === mine) {
      reading.value = undefined;
      wanted = undefined;
    }
  }
}
