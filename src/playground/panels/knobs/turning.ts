// What a reader does to knobs: turn one, reset one or all; and what the machine refused.
//
// Verbs: turnKnob, resetKnob, resetKnobs. Each opens the scene anew with the change, at the same part of its run.
// Invariant: a refused value leaves scene and run as they were.

import { signal } from '@preact/signals';
import { replaceScene } from '../../actions.ts';
import { applyChanges, type Changes, type Json, ownScene } from '../../scene/changes.ts';
import type { Scene } from '../../scene/types.ts';
import { scene } from '../../state.ts';
import { readValue } from './kinds.ts';
import { type KnobRow, knobGroups, rowOfError, withOption, withoutOption } from './rows.ts';

export interface Refused {
  /** Key of the knob that it is about. */
  readonly key: string;
  /** What the reader asked for, at the knob that was turned. */
  readonly turned: string;
  readonly text: string;
  readonly message: string;
}

export const refused = signal<Refused | undefined>(undefined);

/** `text` as in the knob's field; empty: the default. */
export async function turnKnob(row: KnobRow, text: string): Promise<void> {
  let value: Json;
  try {
    value = readValue(row.knob, text);
  } catch (error) {
    refuse(row, text, error, scene.value);
    return;
  }
  await change(row, text, () => withOption(scene.value, row, value));
}

export async function resetKnob(row: KnobRow): Promise<void> {
  await change(row, '', () => withoutOption(scene.value, row));
}

export async function resetKnobs(): Promise<void> {
  refused.value = undefined;
  await replaceScene(ownScene(scene.value));
}

async function change(row: KnobRow, text: string, changes: () => Changes): Promise<void> {
  let next = scene.value;
  try {
    next = applyChanges(ownScene(scene.value), changes());
    await replaceScene(next);
    refused.value = undefined;
  } catch (error) {
    refuse(row, text, error, next);
  }
}

function refuse(row: KnobRow, text: string, error: unknown, tried: Scene): void {
  const message = error instanceof Error ? error.message : String(error);
  const about = rowOfError(knobGroups(tried), message) ?? row;
  refused.value = { key: about.key, turned: row.key, text, message };
}
