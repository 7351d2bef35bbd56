// A document that is replaced as a whole: a new file, then a rename over the old one. The mistake: the new file is synced only after the rename,
// so that for a while its name is there and its content is not.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen } from './specimen.ts';

const PATH = '/document';
const NEW = '/document.new';

function syncDirectory(fs: NodeFs): void {
  const fd = fs.openSync('/', 'r');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

function replace(fs: NodeFs, text: string, isRepaired: boolean): void {
  const fd = fs.openSync(NEW, 'w');
  fs.writeSync(fd, text);
  if (isRepaired) fs.fsyncSync(fd);
  fs.renameSync(NEW, PATH);
  if (!isRepaired) fs.fsyncSync(fd);
  fs.closeSync(fd);
  syncDirectory(fs);
}

export const lateFsync: FileSpecimen = {
  name: 'late fsync',
  mistake: 'renames a file, then syncs it',
  level: 'files',
  profiles: ['strict'],
  // in alice a rename over a file can leave neither
  twinProfiles: ['strict', 'ordered'],
  expected: {
    missing: [/write\('\/document\.new', \d+ bytes at 0\)/],
    present: [/rename\('\/document\.new', '\/document'\)/],
    isLost: false,
    needsTearing: false,
    proof: 'an fsync of /document.new',
  },
  engine: (isRepaired) => ({
    setup: ({ fs }) => fs.writeFileSync(PATH, 'first'),
    workload({ fs, ack }) {
      for (const text of ['second', 'third']) {
        replace(fs, text, isRepaired);
        ack(text);
      }
    },
    recover({ fs, must, may }) {
      checkHistory(fs.readFileSync(PATH, 'utf8'), 'first', { must, may });
    },
  }),
};
