// An NVMe solid-state drive on PCIe 3.0 x4.
//
// The defaults are the published figures of a Samsung 970 PRO 512 GB (2018); its flash of two bits a cell is faster than MQSim's, and two
// planes work together.

import { flashParameters } from './flash.ts';

const SHEET = 'Samsung 970 PRO 512 GB (2018), published figures';
const MQSIM = 'MQSim (FAST 2018), defaults of its repository';
const OURS = 'choice of this model';

export const NVME_PARAMETERS = flashParameters({
  channels: [8, 'Samsung Phoenix controller: 8 channels (general knowledge, not checked)'],
  diesPerChannel: [4, 'choice of this model: one die a chip of the 4 that MQSim has on a channel'],
  pageSize: [32768, '16 KiB pages, 2 planes (usual for such flash, not checked)'],
  blockPages: [256, MQSIM],
  readNs: [
    50_000,
    `${SHEET}: 15,000 random reads a second at queue depth 1 (not checked against the sheet) leave this for flash of two bits a cell`,
  ],
  programNs: [410_000, `${SHEET}: 2,300 MB/s written in sequence, by 32 dies`],
  eraseNs: [3_800_000, MQSIM],
  channelBandwidth: [800e6, 'Toggle DDR 2.0: 800 MT/s at most (general knowledge, not checked)'],
  interfaceBandwidth: [3600e6, `${SHEET}: 3,500 MB/s read in sequence on PCIe 3.0 x4`],
  fullDuplex: [1, 'PCIe: lanes in both directions'],
  readCommandNs: [1_565, `${SHEET}: 370,000 random reads a second`],
  writeCommandNs: [860, `${SHEET}: 500,000 random writes a second`],
  readDelayNs: [
    8_840,
    `${SHEET}: 15,000 random reads a second at queue depth 1 (not checked against the sheet), less the times above`,
  ],
  writeDelayNs: [
    16_180,
    `${SHEET}: 55,000 random writes a second at queue depth 1 (not checked against the sheet), less the times above`,
  ],
  writeBuffer: [16 * 2 ** 20, OURS],
  flashCapacity: [0, OURS],
  overProvisioning: [7, '1 GiB of flash for each GB of data: 7.4 %'],
  freeBlocks: [1, OURS],
  preemptiveCollection: [1, MQSIM],
  filled: [100, 'data sheets are measured on full drives'],
  fillOrder: [0, OURS],
  overwritten: [0, OURS],
  placement: [0, 'MQSim (FAST 2018), its page allocation CWDP: channels first, then dies'],
});
