// A manifest and the file CURRENT that names it, as LevelDB has them. Two mistakes: CURRENT is renamed before the manifest that it names; and
// both are renamed in the right order, but nothing makes the first name durable before the second.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen } from './specimen.ts';

const CURRENT = '/CURRENT';

type Order = 'ordered' | 'unordered' | 'swapped';

function write(fs: NodeFs, path: string, text: string): void {
  fs.writeFileSync(path, text, { flush: true });
}

function syncDirectory(fs: NodeFs): void {
  const fd = fs.openSync('/', 'r');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

function install(fs: NodeFs, version: string, order: Order): void {
  const manifest = `/MANIFEST-${version}`;
  write(fs, '/manifest.tmp', version);
  write(fs, '/current.tmp', manifest);
  if (order === 'swapped') fs.renameSync('/current.tmp', CURRENT);
  fs.renameSync('/manifest.tmp', manifest);
  if (order === 'ordered') syncDirectory(fs);
  if (order !== 'swapped') fs.renameSync('/current.tmp', CURRENT);
  syncDirectory(fs);
}

const engine = (order: Order): ReturnType<FileSpecimen['engine']> => ({
  setup({ fs }) {
    write(fs, '/MANIFEST-1', '1');
    write(fs, CURRENT, '/MANIFEST-1');
  },
  workload({ fs, ack }) {
    install(fs, '2', order);
    ack('2');
  },
  recover({ fs, must, may }) {
    checkHistory(fs.readFileSync(fs.readFileSync(CURRENT, 'utf8'), 'utf8'), '1', { must, may });
  },
});

/** In alice a rename over a file can leave neither. */
const TWIN_PROFILES = ['strict', 'ordered'] as const;

export const swappedRenames: FileSpecimen = {
  name: 'swapped renames',
  mistake: 'renames CURRENT before the manifest that it names',
  level: 'files',
  profiles: ['strict', 'ordered'],
  twinProfiles: TWIN_PROFILES,
  expected: {
    // no write is missing: the power fails right behind the first rename
    missing: [],
    present: [/rename\('\/current\.tmp', '\/CURRENT'\)/],
    sentence: /right after rename\('\/current\.tmp', '\/CURRENT'\) \(renames\.ts:\d+\)/,
    isLost: false,
    needsTearing: false,
  },
  engine: (isRepaired) => engine(isRepaired ? 'ordered' : 'swapped'),
};

export const unorderedRenames: FileSpecimen = {
  name: 'unordered renames',
  mistake: 'no fsync of the directory between two renames',
  level: 'files',
  profiles: ['strict'],
  twinProfiles: TWIN_PROFILES,
  expected: {
    missing: [/rename\('\/manifest\.tmp', '\/MANIFEST-2'\)/],
    present: [/rename\('\/current\.tmp', '\/CURRENT'\)/],
    isLost: false,
    needsTearing: false,
    proof: 'an fsync of the directory /',
  },
  engine: (isRepaired) => engine(isRepaired ? 'ordered' : 'unordered'),
};
