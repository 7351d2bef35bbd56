// A ledger with a planted bug, as a module for `sectorlab crash`, and beside it repaired, broken, on sectors, and stranger ones.

/**
 * @typedef {import('../../../../src/index.ts').NodeFs} NodeFs
 * @typedef {import('../../../../src/explore/types.ts').WorkloadContext<string, NodeFs>} Files
 * @typedef {import('../../../../src/explore/types.ts').RecoverContext<string, NodeFs>} Found
 */

/** @param {NodeFs} fs */
const text = (fs) => (fs.existsSync('/ledger') ? fs.readFileSync('/ledger', 'utf8') : '');

/**
 * Writes each debt to a file of its own name and renames it over the ledger.
 * @param {boolean} isCareful
 */
function writer(isCareful) {
  return (/** @type {Files} */ { fs, ack }) => {
    for (const debt of ['Ada owes 10', 'Ada owes 99']) {
      fs.writeFileSync('/ledger.new', debt, { flush: isCareful });
      fs.renameSync('/ledger.new', '/ledger');
      const folder = fs.openSync('/', 'r');
      fs.fsyncSync(folder);
      fs.closeSync(folder);
      ack(debt);
    }
  };
}

export const workload = writer(false);

/** @param {Found} found */
export function recover({ fs, must, may }) {
  const says = text(fs);
  if (says !== '' && !may.includes(says)) throw new Error(`the ledger says '${says}'`);
  if (must.length > 0 && !must.slice(-1).concat(may.slice(must.length)).includes(says))
    throw new Error(`'${must.at(-1)}' is lost`);
}

export const options = { bound: 1024, drive: { size: '8MiB' } };

export const careful = { workload: writer(true), recover, options };

/** @type {import('../../../../src/explore/types.ts').ExploreDeviceOptions<number> & { device: true }} */
export const sectors = {
  device: true,
  workload({ device, ack }) {
    device.write(0, new Uint8Array(512).fill(7));
    device.flush();
    ack(7);
  },
  recover({ device, must }) {
    for (const value of must) if (device.read(0, 1)[0] !== value) throw new Error(`${value} is lost`);
  },
};

export const idle = { workload() {}, recover() {} };

export const strict = {
  workload: writer(true),
  recover() {
    throw new Error('nothing is ever right');
  },
};

export const throwing = {
  workload() {
    throw new RangeError('out of paper');
  },
  recover,
};

export const halved = { workload: writer(true) };

export const slow = {
  workload: writer(true),
  /** Says that it is there, and takes its time. */
  recover() {
    process.stderr.write('checking\n');
    return new Promise((resolve) => setTimeout(resolve, 200));
  },
  options,
};

export const number = 7;
