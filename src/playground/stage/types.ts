// What a layout is made of: lanes, marks, strips, words.
//
// Lengths are CSS pixels from the stage's top left corner. All of it is plain data, made by layout.ts and drawn by the components.

import type { EntityKey, Hue } from '../model/types.ts';
import type { Axis } from './axis.ts';

export type LaneKind = 'applications' | 'guest' | 'cache' | 'block' | 'drive';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where a lane may draw. */
export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

/** How far a thing has come: fill and pattern. */
export type MarkState =
  | 'prepared'
  | 'running'
  | 'done'
  | 'failed'
  | 'waiting'
  | 'inService'
  | 'volatile'
  | 'reading'
  | 'clean'
  | 'dirty'
  | 'writeback'
  | 'dirtyAgain'
  | 'several';

export type MarkShape = 'bar' | 'flush' | 'chip' | 'page';

/** One thing that can be pointed at. */
export interface Mark extends Box {
  /** The same for one thing all its way: a request keeps it from the queue to the volatile cache. */
  readonly key: string;
  /** What is selected when it is clicked. */
  readonly entity: EntityKey;
  readonly shape: MarkShape;
  readonly state: MarkState;
  readonly hue: Hue;
  /** A sentence: what it is. */
  readonly name: string;
  /** Drawn in it, where it has room. */
  readonly text: string;
  /** Pieces of a bar: where each begins, from its left end; the first is 0. */
  readonly cuts: readonly number[];
  /** The piece that joined just now, and at which end. */
  readonly joined: { readonly x: number; readonly width: number; readonly end: 'front' | 'back' } | undefined;
  /** Its way, where that is more than its place. */
  readonly way: Way | undefined;
  /** Further traits, as classes: hit, miss, leaving, ahead, active. */
  readonly traits: string;
  /** Of a square that stands for several pages: the part in each state, 0 to 1; of a page of several blocks: each block's state. */
  readonly parts: readonly Part[];
  /** Index of its lane. */
  readonly lane: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How a mark comes and goes. */
export interface Way {
  /** What caused it: the page of a request. */
  readonly from: Point | undefined;
  /** Where it has been on the way, when it appears behind that: a request that was queued and issued within one step. */
  readonly via: Point | undefined;
  /** Where it goes when it leaves: a read to its page, a write to the media. */
  readonly to: Point | undefined;
}

export interface Part {
  readonly state: 'absent' | 'clean' | 'dirty' | 'writeback' | 'reading';
  readonly share: number;
}

/** A mark before its lane is known. */
export type LooseMark = Omit<Mark, 'lane'>;

export type StripKind = 'waiting' | 'inService' | 'volatile' | 'media';

/** A band across the address axis of one drive. */
export interface Strip extends Box {
  readonly key: string;
  readonly kind: StripKind;
  readonly drive: number;
  /** What it is, above its left end. */
  readonly label: string;
  readonly labelY: number;
  /** Facts, above its right end. */
  readonly facts: string;
  /** In it while there is nothing else. */
  readonly emptyText: string;
  readonly axis: Axis;
  /** Outlines of cells by class, as SVG path data. */
  readonly paths: readonly {
    readonly kind: 'durable' | 'volatile' | 'lost' | 'found';
    readonly data: string;
  }[];
  /** Where the head of a disk is. */
  readonly headX: number | undefined;
  /** A flush is moving what is above into it. */
  readonly isFlushing: boolean;
}

export interface Label {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly kind: 'name' | 'tick' | 'note' | 'heading';
  readonly anchor: 'start' | 'middle' | 'end';
}

/** A hairline. */
export interface Guide {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** A line below marks that belong together. */
export interface Bracket {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly text: string;
}

export interface LaneContent {
  readonly height: number;
  readonly marks: readonly LooseMark[];
  readonly strips: readonly Strip[];
  readonly labels: readonly Label[];
  readonly guides: readonly Guide[];
  readonly brackets: readonly Bracket[];
  /** Empty places, as SVG path data. */
  readonly slots: string;
  /** Why there is nothing in it, and never will be; else empty. */
  readonly words: string;
}

export interface LaneBox extends Box {
  readonly key: string;
  readonly kind: LaneKind;
  readonly title: string;
  readonly purposeLines: readonly string[];
  /** In its first line, which is all of it, why there is nothing in a wide lane; else empty. */
  readonly words: string;
  readonly facts: string;
  readonly contentX: number;
  readonly contentY: number;
  readonly contentWidth: number;
  readonly isWide: boolean;
}

export interface StageLayout {
  readonly width: number;
  readonly height: number;
  readonly lanes: readonly LaneBox[];
  readonly marks: readonly Mark[];
  readonly strips: readonly Strip[];
  readonly labels: readonly Label[];
  readonly guides: readonly Guide[];
  readonly brackets: readonly Bracket[];
  readonly slots: string;
}

export const NOTHING: LaneContent = {
  height: 0,
  marks: [],
  strips: [],
  labels: [],
  guides: [],
  brackets: [],
  slots: '',
  words: '',
};

/** The same ones for all marks, so that they are seen to be the same at once. */
export const NO_CUTS: readonly number[] = [];
export const NO_PARTS: readonly Part[] = [];

/** A mark with the traits that most have not. */
export function mark(
  own: Partial<LooseMark> &
    Pick<LooseMark, 'key' | 'entity' | 'shape' | 'state' | 'hue' | 'name' | keyof Box>,
): LooseMark {
  return {
    text: '',
    cuts: NO_CUTS,
    joined: undefined,
    way: undefined,
    traits: '',
    parts: NO_PARTS,
    ...own,
  };
}
