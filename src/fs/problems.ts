// What is wrong with a volume, in words: the problems that a mount or a check has found.
//
// Verbs: problemText, listProblems. What the numbers of each kind mean stands in assembly/layout.ts.

import {
  PROBLEM_BAD_INODE,
  PROBLEM_CHECKSUM,
  PROBLEM_DANGLING,
  PROBLEM_EXTENT,
  PROBLEM_EXTENTS_MEMORY,
  PROBLEM_FIRST,
  PROBLEM_GEOMETRY,
  PROBLEM_INODE,
  PROBLEM_JOURNAL,
  PROBLEM_KIND,
  PROBLEM_LINKS,
  PROBLEM_MEMORY,
  PROBLEM_NAME,
  PROBLEM_NAME_TWICE,
  PROBLEM_NOT_A_VOLUME,
  PROBLEM_PARENT,
  PROBLEM_ROOT,
  PROBLEM_SECOND,
  PROBLEM_SECTOR,
  PROBLEM_SIZE,
  PROBLEM_SUPERBLOCK,
  PROBLEM_THIRD,
  PROBLEM_UNREACHABLE,
} from '../../assembly/layout.ts';
import { VOLUME_PROFILES } from '../core/options.ts';
import type { Machine } from '../machine.ts';

/** A PROBLEM_… struct. */
export interface Problem {
  readonly kind: number;
  /** Of the drive; 0 where no sector is meant. */
  readonly sector: number;
  readonly inode: number;
  readonly first: number;
  readonly second: number;
  readonly third: number;
}

const LISTED = 64;
const SIZES = ['version', 'block size', 'inodes', 'extents', 'blocks', 'profile'];
const PROFILE = SIZES.indexOf('profile');
const EXTENT_FAULTS = [
  '',
  'out of range',
  "on another file's blocks",
  'over another of the file',
  'of no file',
];
const MEMORY_PARTS = [
  '',
  'a sector of metadata that changed unseen',
  'a name that is not found',
  'the number of entries of a directory',
  'an inode',
  'the number of free inodes',
  'the number of free names',
];
const EXTENT_CHECKS = [
  '',
  'their order',
  'their slots',
  'the blocks of a file',
  'the blocks reserved',
  'the free blocks',
];

const hex = (value: number): string => `0x${value.toString(16)}`;
const octal = (mode: number): string => `0o${mode.toString(8)}`;

const SENTENCES: ReadonlyMap<number, (problem: Problem) => string> = new Map([
  [
    PROBLEM_SUPERBLOCK,
    ({ first, second }) => `both superblocks are damaged: they begin with ${hex(first)} and ${hex(second)}`,
  ],
  [
    PROBLEM_NOT_A_VOLUME,
    ({ first, second }) =>
      `there is no volume where superblocks must be: the sectors begin with ${hex(first)} and ${hex(second)}`,
  ],
  [
    PROBLEM_GEOMETRY,
    ({ first, second, third }) => {
      const value = (number: number) => (first === PROFILE ? VOLUME_PROFILES[number] : number);
      return `the volume was made with ${SIZES[first] ?? 'something'} ${value(second)}, the machine was opened with ${value(third)}`;
    },
  ],
  [
    PROBLEM_CHECKSUM,
    ({ sector, first, second, third }) =>
      `sector ${sector} of the metadata is damaged: it begins with ${hex(first)}, its checksum is ${hex(second)} and not ${hex(third)}`,
  ],
  [
    PROBLEM_JOURNAL,
    ({ sector, first, second }) =>
      `transaction ${first} of the journal at sector ${sector} is damaged, though transaction ${second} behind it is there`,
  ],
  [
    PROBLEM_BAD_INODE,
    ({ inode, first, second }) => `inode ${inode} can not be: mode ${octal(first)}, ${second} links`,
  ],
  [
    PROBLEM_ROOT,
    ({ first, second }) =>
      `the root is no directory of its own: mode ${octal(first)}, in directory ${second}`,
  ],
  [PROBLEM_LINKS, ({ inode, first, second }) => `inode ${inode} counts ${first} links; there are ${second}`],
  [
    PROBLEM_NAME,
    ({ sector, inode, first, second, third }) =>
      `the name of inode ${inode} in directory ${first} can not be: ${second} bytes, type ${third} (sector ${sector})`,
  ],
  [
    PROBLEM_NAME_TWICE,
    ({ sector, inode, first, third }) =>
      `the name of inode ${inode} stands twice in directory ${first}: in sectors ${sector} and ${third}`,
  ],
  [
    PROBLEM_DANGLING,
    ({ sector, inode, first, second, third }) =>
      `a name in directory ${first} (mode ${octal(third)}) stands for inode ${inode} (mode ${octal(second)}), which can not be (sector ${sector})`,
  ],
  [
    PROBLEM_PARENT,
    ({ inode, first, second }) =>
      `directory ${inode} says that it is in directory ${first}; its name is in ${second}`,
  ],
  [PROBLEM_UNREACHABLE, ({ inode, first }) => `no path reaches directory ${inode}, which is in ${first}`],
  [
    PROBLEM_EXTENT,
    ({ sector, inode, first, second, third }) =>
      `extent ${first} of inode ${inode}, from block ${second}, is ${EXTENT_FAULTS[third] ?? 'wrong'} (sector ${sector})`,
  ],
  [
    PROBLEM_EXTENTS_MEMORY,
    ({ inode, first }) =>
      `memory and metadata disagree about extents of inode ${inode}: ${EXTENT_CHECKS[first] ?? 'something else'}`,
  ],
  [
    PROBLEM_MEMORY,
    ({ inode, first, second, third }) =>
      `memory and metadata disagree about ${MEMORY_PARTS[first] ?? 'something'}: inode ${inode}, numbers ${second} and ${third}`,
  ],
]);

/** One sentence, with the sector, the inode and the numbers. */
export function problemText(problem: Problem): string {
  return SENTENCES.get(problem.kind)?.(problem) ?? `a problem of kind ${problem.kind}`;
}

/** What the last mount or a check of a mounted volume finds, a sentence each; at most 64, then how many more. */
export function listProblems({ core, buffers }: Machine): string[] {
  return buffers.borrow(LISTED * PROBLEM_SIZE, (address) => {
    const count = core.call((exports) => exports.volumeCheck(address, LISTED * PROBLEM_SIZE));
    const field = (index: number, offset: number): number =>
      core.memory.u32(address + index * PROBLEM_SIZE + offset);
    const sentences = Array.from({ length: Math.min(count, LISTED) }, (_, index) =>
      problemText({
        kind: field(index, PROBLEM_KIND),
        sector: field(index, PROBLEM_SECTOR),
        inode: field(index, PROBLEM_INODE),
        first: field(index, PROBLEM_FIRST),
        second: field(index, PROBLEM_SECOND),
        third: field(index, PROBLEM_THIRD),
      }),
    );
    return count > LISTED ? [...sentences, `and ${count - LISTED} more`] : sentences;
  });
}
