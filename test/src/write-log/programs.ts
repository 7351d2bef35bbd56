// Random programs for machines with a write log: block requests on two drives, held and released, buffered writes, marks.
//
// Verbs: programs (a fast-check arbitrary), runProgram, startImages, bytesOf.

import fc from 'fast-check';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import type { BlockOperation } from '../../../src/block-device.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine } from '../../../src/machine.ts';

export const SECTORS = 64;
export const SECTOR = 512;
const DRIVES = 2;

export type Step =
  | {
      readonly kind: BlockOperation;
      readonly drive: number;
      readonly sector: number;
      readonly count: number;
      readonly value: number;
      readonly fua: boolean;
      readonly preflush: boolean;
    }
  | { readonly kind: 'hold'; readonly drive: number; readonly isHolding: boolean }
  | { readonly kind: 'release'; readonly drive: number; readonly index: number }
  | { readonly kind: 'run' }
  | {
      readonly kind: 'buffered';
      readonly drive: number;
      readonly offset: number;
      readonly length: number;
      readonly value: number;
    }
  | { readonly kind: 'mark'; readonly text: string };

const drive = fc.integer({ min: 0, max: DRIVES - 1 });
const value = fc.integer({ min: 1, max: 255 });

/** Block requests of every operation; plain ones only where `isPlain`. */
function requests(isPlain: boolean): fc.Arbitrary<Step> {
  const flag = isPlain ? fc.constant(false) : fc.boolean();
  const kinds: readonly BlockOperation[] = [
    'write',
    'write',
    'write',
    'flush',
    'discard',
    'writeZeroes',
    'read',
  ];
  return fc.record({
    kind: fc.constantFrom(...kinds),
    drive,
    sector: fc.integer({ min: 0, max: SECTORS - 8 }),
    count: fc.integer({ min: 1, max: 8 }),
    value,
    fua: flag,
    preflush: flag,
  });
}

const others: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('hold' as const), drive, isHolding: fc.boolean() }),
  fc.record({ kind: fc.constant('release' as const), drive, index: fc.nat(5) }),
  fc.record({ kind: fc.constant('run' as const) }),
);
const files: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('buffered' as const),
    drive,
    offset: fc.integer({ min: 0, max: SECTORS * SECTOR - 5000 }),
    length: fc.integer({ min: 1, max: 5000 }),
    value,
  }),
  fc.record({
    kind: fc.constant('mark' as const),
    text: fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', '')),
  }),
);

/** `isPlain`: nothing is held, nothing is FUA, so that requests complete as they were submitted. */
export function programs(isPlain = false): fc.Arbitrary<Step[]> {
  const steps = isPlain
    ? fc.oneof(requests(true), files)
    : fc.oneof({ weight: 3, arbitrary: requests(false) }, others, files);
  return fc.array(steps, { maxLength: 40 });
}

/** What the drives hold before a program runs. */
export function startImages(): SparseMemory[] {
  return Array.from({ length: DRIVES }, (_, number) => {
    const image = new SparseMemory(SECTORS * SECTOR);
    image.write(
      new Uint8Array(SECTORS * SECTOR).map((_byte, index) => (index >> 9) * 3 + number),
      0,
    );
    return image;
  });
}

export function bytesOf(image: SparseMemory): Uint8Array {
  const bytes = new Uint8Array(SECTORS * SECTOR);
  image.read(bytes, 0);
  return bytes;
}

/** Options for a program's machine. */
export function configFor(images: readonly SparseMemory[]): MachineConfig {
  return {
    drives: images.map((memory) => ({ memory, queueDepth: 4 })),
    cache: '64KiB',
    records: 16384,
    buffers: '1MiB',
    limits: { bios: 256, spans: 2048, maxSectors: 16, maxSegments: 8 },
  };
}

/** Runs a program to its end: nothing is held or dirty afterwards. `onMark` is told of each mark that is set. */
export function runProgram(machine: Machine, program: readonly Step[], onMark: () => void = () => {}): void {
  const open = Array.from({ length: DRIVES }, (_, number) => machine.openFile(`drive${number}`));
  const held = new Set<number>();
  const release = (number: number): void => {
    if (held.delete(number)) machine.holdCompletions(false, number);
    machine.run();
  };
  for (const step of program) {
    switch (step.kind) {
      case 'hold':
        if (step.isHolding) held.add(step.drive);
        else held.delete(step.drive);
        machine.holdCompletions(step.isHolding, step.drive);
        break;
      case 'release':
        if (machine.heldCompletions(step.drive) > step.index)
          machine.releaseCompletion(step.index, step.drive);
        break;
      case 'run':
        machine.run();
        break;
      case 'buffered':
        release(step.drive);
        machine.tag = step.value;
        open[step.drive]?.write(new Uint8Array(step.length).fill(step.value), step.offset);
        if (step.value % 3 === 0) open[step.drive]?.sync();
        break;
      case 'mark':
        onMark();
        machine.writeLog.mark(step.text);
        break;
      default: {
        const device = machine.blockDevice(step.drive);
        const { kind: operation, sector, count, value: fill, fua, preflush } = step;
        if (operation === 'flush') device.submit({ operation });
        else if (operation === 'read') device.submit({ operation, sector, sectorCount: count });
        else if (operation === 'write')
          device.submit({
            operation,
            sector,
            data: new Uint8Array(count * SECTOR).fill(fill),
            fua,
            preflush,
            tag: fill,
          });
        else device.submit({ operation, sector, sectorCount: count, fua, preflush });
      }
    }
  }
  for (let number = 0; number < DRIVES; number++) {
    release(number);
    open[number]?.sync();
    open[number]?.close();
  }
  for (let number = 0; number < DRIVES; number++) machine.blockDevice(number).reap();
}
