// The gallery: every scene that comes with the page, in the order in which it is shown.

import type { Scene } from '../scene/types.ts';
import { WRITE_TO_MEDIA } from './write-to-media.ts';

export const SCENES: readonly Scene[] = [WRITE_TO_MEDIA];
/** What a first visitor sees. */
export const FIRST_SCENE: Scene = WRITE_TO_MEDIA;
