// Gzip files as programs make them and as transfers leave them, for every platform that reads them.
//
// Verbs: packedFiles. Whole ones hold the same text; broken ones are made of them.

import { join, pack } from './support.ts';

export interface PackedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** It holds all of the text. */
  readonly isWhole: boolean;
}

const PADDING_BYTES = 512;
const BLOCK_CHARS = 1000;
/** The empty member that ends a file of bgzip (SAM specification, 4.1.2). */
const END_OF_BLOCKS = Uint8Array.from(
  Buffer.from('1f8b08040000000000ff0600424302001b0003000000000000000000', 'hex'),
);

export function packedFiles(text: string): readonly PackedFile[] {
  const half = text.indexOf('\n', text.length / 2) + 1;
  const [front, back] = [pack(text.slice(0, half)), pack(text.slice(half))];
  const both = join([front, back]);
  const blocks = Array.from({ length: Math.ceil(text.length / BLOCK_CHARS) }, (_, index) =>
    pack(text.slice(index * BLOCK_CHARS, (index + 1) * BLOCK_CHARS)),
  );
  const whole = {
    'two-joined.gz': both,
    'cut-in-a-line.gz': join([pack(text.slice(0, half + 7)), pack(''), pack(text.slice(half + 7))]),
    'blocks.gz': join([...blocks, END_OF_BLOCKS]),
    'padded.gz': join([both, new Uint8Array(PADDING_BYTES)]),
  };
  const sum = back.slice();
  sum[back.length - 8]! ^= 1;
  const broken = {
    'second-cut.gz': both.slice(0, front.length + back.length / 2),
    'second-begins.gz': both.slice(0, front.length + 1),
    'letter-behind.gz': join([both, new TextEncoder().encode('Dear reader')]),
    'wrong-sum.gz': join([front, sum]),
  };
  return [...named(whole, true), ...named(broken, false)];
}

function named(files: Readonly<Record<string, Uint8Array>>, isWhole: boolean): PackedFile[] {
  return Object.entries(files).map(([name, bytes]) => ({ name, bytes, isWhole }));
}
