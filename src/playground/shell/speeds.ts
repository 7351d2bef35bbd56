// The speeds at which a run can be played: times the scene's own pace.
// 0 stands for as fast as the screen can show.

import { speed } from '../state.ts';

export interface Speed {
  readonly value: number;
  readonly name: string;
}

/** 0: as fast as the screen. */
export const SPEEDS: readonly Speed[] = [
  { value: 0.25, name: '¼×' },
  { value: 1, name: '1×' },
  { value: 4, name: '4×' },
  { value: 16, name: '16×' },
  { value: 0, name: 'max' },
];

/** The next speed in a direction, 1 or -1; the same at the ends. */
export function changeSpeed(direction: 1 | -1): void {
  const at = SPEEDS.findIndex(({ value }) => value === speed.value);
  speed.value = SPEEDS[at + direction]?.value ?? speed.value;
}
