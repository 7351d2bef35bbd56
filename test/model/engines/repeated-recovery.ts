// Balances that a log changes by amounts. Recovery adds what the log holds and empties it. The mistake: a crash between the two adds
// twice. The twin logs the new balance in place of the amount.
//
// Layout in sectors: 0 the log ('account text' with a checksum), 1 and 2 the balances.

import type { BlockDevice } from '../../../src/block-device.ts';
import { checkHistory, type DeviceSpecimen, readRecords, record, sector, textOf } from './specimen.ts';

const ACCOUNTS = [1, 2];

const balanceOf = (device: BlockDevice, account: number): number => Number(textOf(device.read(account, 1)));

/** Brings what the log holds home, and empties it. */
function apply(device: BlockDevice, isRepaired: boolean): void {
  const [entry] = readRecords(textOf(device.read(0, 1)));
  if (entry === undefined) return;
  const [account, number] = entry.split(' ').map(Number) as [number, number];
  const balance = isRepaired ? number : balanceOf(device, account) + number;
  device.write(account, sector(String(balance)));
  device.flush();
  device.write(0, sector(''));
  device.flush();
}

function pay(device: BlockDevice, account: number, amount: number, isRepaired: boolean): void {
  const number = isRepaired ? balanceOf(device, account) + amount : amount;
  device.write(0, sector(record(`${account} ${number}`)));
  device.flush();
}

const stateOf = (device: BlockDevice): string =>
  ACCOUNTS.map((account) => balanceOf(device, account)).join(',');

export const repeatedRecovery: DeviceSpecimen = {
  name: 'repeated recovery',
  mistake: 'recovery is not the same when it is repeated',
  level: 'device',
  options: { recoveryDepth: 1 },
  expected: {
    // the crash is right behind a write, and none is missing
    missing: [],
    present: [/write\('drive0', 512 bytes at 512\)/],
    sentence: /^in recovery .* right after write\('drive0', 512 bytes at 512\) \(repeated-recovery\.ts:\d+\)/,
    isLost: false,
    needsTearing: false,
    depth: 1,
  },
  engine: (isRepaired) => ({
    workload({ device, ack }) {
      // a payment is done when it is in the log; the next start brings it home
      pay(device, 1, 10, isRepaired);
      ack('10,0');
    },
    recover({ device, must, may }) {
      apply(device, isRepaired);
      const state = stateOf(device);
      checkHistory(state, '0,0', { must, may });
      return state;
    },
  }),
};
