// A log of entries with their length before them. The mistake: the reader trusts the length, and so takes the zeros of an append that was
// not written for an entry. The twin has a checksum in each entry.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen, sum } from './specimen.ts';

const PATH = '/log';
const HEAD_BYTES = 16;
const ENTRY_BYTES = 1024;

/** 'length checksum' in 16 bytes, then the text; as long as two sectors. */
function entry(text: string, isRepaired: boolean): Buffer {
  const head = `${String(text.length).padStart(4)} ${isRepaired ? sum(text) : ''}`;
  return Buffer.from(head.padEnd(HEAD_BYTES) + text);
}

function append(fs: NodeFs, text: string, isRepaired: boolean): void {
  const fd = fs.openSync(PATH, 'a');
  fs.writeSync(fd, entry(text, isRepaired));
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

/** The letters of the entries, each of which repeats one. */
function readLog(fs: NodeFs, isRepaired: boolean): string {
  const log = fs.readFileSync(PATH, 'latin1');
  let letters = '';
  for (let at = 0; at < log.length; ) {
    const [length = '', checksum = ''] = log
      .slice(at, at + HEAD_BYTES)
      .trim()
      .split(' ');
    if (!/^\d+$/.test(length)) break;
    const text = log.slice(at + HEAD_BYTES, at + HEAD_BYTES + Number(length));
    if (isRepaired && checksum !== sum(text)) break;
    if (new Set(text).size !== 1) throw new Error('an entry is no entry');
    letters += text[0];
    at += HEAD_BYTES + Number(length);
  }
  return letters;
}

export const trustedLength: FileSpecimen = {
  name: 'trusted length',
  mistake: 'trusts the length of an entry that may be torn',
  level: 'files',
  profiles: ['strict', 'alice'],
  expected: {
    missing: [/write\('\/log', 1024 bytes at \d+\)/],
    present: [/the new size of \/log/],
    isLost: false,
    needsTearing: true,
  },
  engine: (isRepaired) => ({
    setup: ({ fs }) => fs.writeFileSync(PATH, ''),
    workload({ fs, ack }) {
      let state = '';
      for (const letter of ['a', 'b']) {
        append(fs, letter.repeat(ENTRY_BYTES - HEAD_BYTES), isRepaired);
        state += letter;
        ack(state);
      }
    },
    recover({ fs, must, may }) {
      checkHistory(readLog(fs, isRepaired), '', { must, may });
    },
  }),
};
