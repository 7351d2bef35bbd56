// Pages and the record that commits them in one write of 8 KiB. The mistake: the commit record says that they are there, and not what
// they are: when the write tears it may be there without them. The twin has a checksum of the data in it.
//
// Layout of a transaction: 4,096 bytes of data, and 4,096 that begin with the commit record.

import { checkHistory, type DeviceSpecimen, sum, textOf } from './specimen.ts';

const PAGE = 4096;
const TRANSACTIONS = 3;
const PAGE_SECTORS = PAGE / 512;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export const commitInOneWrite: DeviceSpecimen = {
  name: 'commit in one write',
  mistake: 'commit record and data in one write without a checksum',
  level: 'device',
  options: { unit: PAGE },
  expected: {
    missing: [/write\('drive0', 8192 bytes at \d+\)/],
    present: [],
    isLost: false,
    needsTearing: true,
  },
  engine: (isRepaired) => {
    const commitOf = (data: string): string => `commit ${isRepaired ? sum(data) : 'ok'}`;
    return {
      // a disk that was used before
      setup: ({ device }) => device.write(0, new Uint8Array(TRANSACTIONS * 2 * PAGE).fill(0x3f)),
      workload({ device, ack }) {
        ['a', 'ab', 'abc'].forEach((state, index) => {
          const bytes = new Uint8Array(2 * PAGE);
          bytes.set(encode(state));
          bytes.set(encode(commitOf(state)), PAGE);
          device.write(index * 2 * PAGE_SECTORS, bytes);
          device.flush();
          ack(state);
        });
      },
      recover({ device, must, may }) {
        let state = '';
        for (let index = 0; index < TRANSACTIONS; index++) {
          const bytes = device.read(index * 2 * PAGE_SECTORS, 2 * PAGE_SECTORS);
          const data = textOf(bytes.subarray(0, PAGE));
          if (textOf(bytes.subarray(PAGE)) !== commitOf(data)) break;
          state = data;
        }
        checkHistory(state, '', { must, may });
      },
    };
  },
};
