// A ledger on `machine.fs`, which Node's entry and the browser's both have: a rename without an fsync of the new file.

import type { Machine } from '../../src/machine.ts';

export const ledger = {
  workload({ machine, ack }: { readonly machine: Machine; ack(text: string): void }): void {
    const { fs } = machine;
    fs.writeFile('/ledger.new', 'Ada owes 10');
    fs.rename('/ledger.new', '/ledger');
    fs.sync();
    ack('Ada owes 10');
  },
  recover({ machine, must }: { readonly machine: Machine; readonly must: readonly string[] }): void {
    const { fs } = machine;
    const found = fs.exists('/ledger') ? new TextDecoder().decode(fs.readFile('/ledger')) : 'nothing';
    const allowed = must.length > 0 ? must : ['nothing', 'Ada owes 10'];
    if (!allowed.includes(found)) throw new Error(`the ledger says '${found}'`);
  },
};
