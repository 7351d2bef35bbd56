// Messages, each a file of its own that gets its name when it is complete (a maildir). The mistake: the directory is not synced, so that a message
// that is durable may have no name.

import type { NodeFs } from '../../../src/adapters/node-fs.ts';
import { checkHistory, type FileSpecimen } from './specimen.ts';

function deliver(fs: NodeFs, name: string, isRepaired: boolean): void {
  const fd = fs.openSync(`/tmp/${name}`, 'w');
  fs.writeSync(fd, `hello ${name}`);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync(`/tmp/${name}`, `/new/${name}`);
  if (!isRepaired) return;
  const directory = fs.openSync('/new', 'r');
  fs.fsyncSync(directory);
  fs.closeSync(directory);
}

export const unsyncedDirectory: FileSpecimen = {
  name: 'unsynced directory',
  mistake: 'acknowledges a rename without an fsync of its directory',
  level: 'files',
  profiles: ['strict', 'ordered', 'alice'],
  expected: {
    missing: [/rename\('\/tmp\/.', '\/new\/.'\)/],
    present: [],
    isLost: true,
    needsTearing: false,
  },
  engine: (isRepaired) => ({
    setup({ fs }) {
      fs.mkdirSync('/tmp');
      fs.mkdirSync('/new');
    },
    workload({ fs, ack }) {
      let state = '';
      for (const name of ['a', 'b']) {
        deliver(fs, name, isRepaired);
        state += name;
        ack(state);
      }
    },
    recover({ fs, must, may }) {
      const names = fs.readdirSync('/new').sort();
      for (const name of names) {
        if (fs.readFileSync(`/new/${name}`, 'utf8') !== `hello ${name}`)
          throw new Error(`${name} is not whole`);
      }
      checkHistory(names.join(''), '', { must, may });
    },
  }),
};
