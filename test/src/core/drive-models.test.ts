// The tables of the drive models, and drives as text: every value that can be said is read back as it was printed, every other one
// is refused by name; the core refuses what the tables refuse, and takes what they take.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BAD_FIELD_DRIVES,
  CONFIG_DRIVE_PARAMETERS,
  CONFIG_DRIVE_SIZE,
  DRIVE_PARAMETERS,
  ROOT_BAD_FIELD,
  ROOT_BAD_INDEX,
} from '../../../assembly/layout.ts';
import { MemoryHost, shimHost } from '../../../src/backing/memory-host.ts';
import { resolveConfig } from '../../../src/core/config.ts';
import { configBytes } from '../../../src/core/config-struct.ts';
import { Core } from '../../../src/core/core.ts';
import {
  DRIVE_MODELS,
  MODEL_NAMES,
  type ModelName,
  parameterValues,
  resolveParameters,
} from '../../../src/core/drive-models/index.ts';
import {
  formatParameter,
  type ModelParameter,
  parseParameter,
} from '../../../src/core/drive-models/parameter.ts';
import { describeDrive, parseDrive, printDrive } from '../../../src/core/drive-models/text.ts';
import { ConfigError } from '../../../src/errors.ts';
import { BUILDS, type Build, coreModule } from '../../support/machine.ts';

const models = suite('drive models');

function refusal(call: () => unknown): ConfigError {
  try {
    call();
  } catch (error) {
    assert.instance(error, ConfigError, String(error));
    return error as ConfigError;
  }
  throw new Error('it was taken');
}

/** Every [model, parameter] of the tables. */
const ALL = MODEL_NAMES.flatMap((model) =>
  DRIVE_MODELS[model].parameters.map((parameter): [ModelName, ModelParameter] => [model, parameter]),
);

/** A small reproducible sequence of whole numbers below `below`. */
function draws(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

models('each parameter has a number of its own, a default in its range, a source and a meaning', () => {
  assert.ok(ALL.length >= 46);
  for (const model of MODEL_NAMES) {
    const { parameters } = DRIVE_MODELS[model];
    assert.is(new Set(parameters.map(({ index }) => index)).size, parameters.length);
    assert.is(new Set(parameters.map(({ name }) => name)).size, parameters.length);
  }
  for (const [model, parameter] of ALL) {
    const label = `${model}.${parameter.name}`;
    assert.ok(parameter.index >= 0 && parameter.index < DRIVE_PARAMETERS, label);
    assert.is(
      parseParameter(parameter, formatParameter(parameter, parameter.default), label),
      parameter.default,
      label,
    );
    assert.ok(parameter.source.length > 5 && parameter.meaning.length > 5, label);
  }
});

models('a value prints with its unit, and parses back to itself', () => {
  const draw = draws(1);
  for (const [model, parameter] of ALL) {
    const { minimum, maximum } = parameter;
    const values = [minimum, maximum];
    for (let count = 0; count < 50; count++) values.push(minimum + draw(maximum - minimum + 1));
    for (const value of values) {
      const fit = parameter.isPowerOfTwo ? 2 ** Math.floor(Math.log2(value)) : value;
      const text = formatParameter(parameter, fit);
      assert.is(parseParameter(parameter, text, model), fit, `${model}.${parameter.name}=${text}`);
      assert.is(parseParameter(parameter, fit, model), fit);
    }
  }
});

models('values are taken as people write them', () => {
  const cases: [string, string, number][] = [
    ['readNs', '85us', 85_000],
    ['readNs', '0.085 ms', 85_000],
    ['readNs', '85000', 85_000],
    ['eraseNs', '4ms', 4_000_000],
    ['eraseNs', '2s', 2_000_000_000],
    ['writeBuffer', '64MiB', 67108864],
    ['writeBuffer', '1 MB', 1_000_000],
    ['channelBandwidth', '800MB/s', 800_000_000],
    ['channelBandwidth', '1.2GB', 1_200_000_000],
    ['filled', '50%', 50],
    ['filled', '50', 50],
    ['fillOrder', 'random', 1],
    ['channels', '16', 16],
  ];
  for (const [name, text, expected] of cases) {
    const [value] = parameterValues('nvme', { [name]: text }).filter((parameter) => parameter.name === name);
    assert.is(value?.value, expected, `${name}=${text}`);
    assert.is(value?.source, value?.isDefault ? value?.source : 'given');
  }
});

models('what a parameter can not be is refused with its field, value and limit', () => {
  const cases: [Record<string, number | string>, string, string, string][] = [
    [{ channels: 0 }, 'p.channels', '0', 'from 1 to 64'],
    [{ channels: 1.5 }, 'p.channels', '1.5', 'a whole number'],
    [{ channels: '8 lanes' }, 'p.channels', "'8 lanes'", 'count'],
    [{ readNs: '60 parsecs' }, 'p.readNs', "'60 parsecs'", 'from 0ns to 1s'],
    [{ readNs: '0.5ns' }, 'p.readNs', "'0.5ns'", 'a whole number'],
    [{ readNs: -1 }, 'p.readNs', '-1', 'from 0ns to 1s'],
    [{ pageSize: 12288 }, 'p.pageSize', '12288', 'power of two'],
    [{ pageSize: '2KiB' }, 'p.pageSize', "'2KiB'", 'from 4KiB to 256KiB'],
    [{ fullDuplex: 'maybe' }, 'p.fullDuplex', "'maybe'", 'one of no, yes'],
    [{ fullDuplex: 2 }, 'p.fullDuplex', '2', 'one of no, yes'],
    [{ filled: '101%' }, 'p.filled', "'101%'", 'from 0% to 100%'],
    [{ writeBuffer: '1TiB' }, 'p.writeBuffer', "'1TiB'", 'to 1GiB'],
    [{ chanels: 8 }, 'p.chanels', '8', 'a parameter of ssd: channels, diesPerChannel'],
  ];
  for (const [given, field, value, limit] of cases) {
    const { message } = refusal(() => resolveParameters('ssd', given, 'p'));
    assert.ok(message.startsWith(`${field} is ${value}; it must be `), message);
    assert.ok(message.includes(limit), message);
  }
  assert.match(refusal(() => resolveParameters('instant', { rpm: 1 })).message, /instant has no parameters/);
});

models('a line of text is a drive, and its print is the same drive again', () => {
  assert.equal(parseDrive('ssd,channels=8,readNs=60us,queueDepth=32'), {
    model: 'ssd',
    queueDepth: 32,
    parameters: { channels: 8, readNs: 60_000 },
  });
  assert.equal(parseDrive('instant'), { model: 'instant' });
  assert.equal(parseDrive(' fixed, latencyNs=100us, channels=4, readOnly=yes, size=1GiB'), {
    model: 'fixed',
    latencyNs: 100_000,
    channels: 4,
    readOnly: true,
    size: 2 ** 30,
  });
  assert.equal(parseDrive('fixed,latencyNs.read=50us,latencyNs.flush=1ms').latencyNs, {
    read: 50_000,
    flush: 1_000_000,
  });
  assert.is(printDrive({ latencyNs: 5 }), 'fixed,latencyNs=5ns');
  const draw = draws(7);
  for (let round = 0; round < 300; round++) {
    const model = MODEL_NAMES[draw(MODEL_NAMES.length)] as ModelName;
    const words: string[] = [model];
    for (const parameter of DRIVE_MODELS[model].parameters) {
      if (draw(4) > 0) continue;
      const value = parameter.minimum + draw(parameter.maximum - parameter.minimum + 1);
      const fit = parameter.isPowerOfTwo ? 2 ** Math.floor(Math.log2(value)) : value;
      words.push(`${parameter.name}=${formatParameter(parameter, fit)}`);
    }
    if (draw(2) > 0) words.push(`queueDepth=${1 + draw(1000)}`);
    if (draw(2) > 0) words.push(`volatileWrites=${draw(1000)}`);
    if (draw(3) > 0) words.push(`size=${512 * (1 + draw(1e9))}`);
    if (draw(3) > 0) words.push(`latencyNs=${draw(1e9)}`);
    else words.push(`latencyNs.write=${draw(1e9)}`, `latencyNs.flush=${draw(1e6)}`);
    if (draw(3) > 0) words.push(`fua=${draw(2) > 0 ? 'yes' : 'no'}`, `timeoutNs=${draw(1e9)}us`);
    if (draw(3) > 0) words.push(`powerLossProtection=yes`, `scheduler=${draw(2) > 0 ? 'none' : 'deadline'}`);
    if (draw(3) > 0) words.push(`readOnly=${draw(2) > 0 ? 'yes' : 'no'}`);
    const drive = parseDrive(words.join(','));
    assert.equal(parseDrive(printDrive(drive)), drive, words.join(','));
  }
});

models('a line that says no drive is refused by the part that is wrong', () => {
  const cases: [string, RegExp][] = [
    ['', /^drive is ''; it must be one of instant, fixed, hdd, ssd, nvme/],
    ['floppy', /^drive is 'floppy'/],
    ['ssd,channels', /^drive is 'channels'; it must be NAME=VALUE/],
    ['ssd,,', /^drive is ''; it must be NAME=VALUE/],
    ['ssd,chanels=8', /^chanels is '8'; it must be left out: what ssd knows is channels, .*queueDepth/],
    ['ssd,channels=8,channels=8', /^channels is '8'; it must be given once/],
    ['ssd,channels=many', /^channels is 'many'; it must be a whole number/],
    ['ssd,queueDepth=-1', /^queueDepth is '-1'/],
    ['fixed,readOnly=1', /^readOnly is '1'; it must be yes or no/],
    ['fixed,latencyNs=soon', /^latencyNs is 'soon'/],
    ['fixed,size=big', /^size is 'big'/],
    ['fixed,constructor=1', /^constructor is '1'; it must be left out/],
    ['ssd,scheduler=cfq', /^scheduler is 'cfq'; it must be one of none, deadline/],
    ['fixed,model=ssd', /^model is 'ssd'; it must be left out/],
  ];
  for (const [text, expected] of cases) assert.match(refusal(() => parseDrive(text)).message, expected);
});

models('a description has each parameter with value, unit, and where it comes from', () => {
  const drive = parseDrive('nvme,channels=16,queueDepth=64');
  const lines = describeDrive(drive).split('\n');
  assert.is(lines.length, 1 + DRIVE_MODELS.nvme.parameters.length + 1);
  assert.match(lines[0] as string, /^nvme: flash behind PCIe/);
  assert.match(describeDrive(drive), /\n {2}channels +16 {2}given\n/);
  assert.match(describeDrive(drive), /\n {2}readNs +50us {2}default: Samsung 970 PRO/);
  assert.match(describeDrive(drive), /\n {2}queueDepth +64 {2}given$/);
  assert.is(describeDrive({}), 'instant: no request takes time');
});

/** Opens a core on a config whose only drive has this parameter, past the checks of the host. '' or the field refused. */
async function openRaw(build: Build, model: ModelName, index: number, value: bigint): Promise<string> {
  const core = await Core.load(await coreModule(build), new MemoryHost(shimHost()));
  const config = resolveConfig({ drives: [{ model, size: '1MiB' }], payload: 'none', cache: 65536 });
  const bytes = configBytes(config);
  const view = new DataView(bytes.buffer);
  // the drive is the last thing in the struct
  const drive = bytes.length - CONFIG_DRIVE_SIZE;
  view.setBigUint64(drive + CONFIG_DRIVE_PARAMETERS + index * 8, value, true);
  core.memory.bytes.set(bytes, core.exports.configAddress());
  const result = core.call((exports) => exports.machineOpen());
  if (result === 0) return '';
  if (result === -12) return 'ENOMEM';
  return `${result} ${core.root(ROOT_BAD_FIELD)} ${core.root(ROOT_BAD_INDEX)}`;
}

for (const build of BUILDS) {
  models(`${build}: the core has the ranges of the tables`, async () => {
    for (const [model, parameter] of ALL) {
      const { index, minimum, maximum, name } = parameter;
      const bad = `-22 ${BAD_FIELD_DRIVES + CONFIG_DRIVE_PARAMETERS + index * 8} 0`;
      const label = `${model}.${name}`;
      assert.is(await openRaw(build, model, index, BigInt(minimum)), '', `${label}=${minimum}`);
      assert.not.match(await openRaw(build, model, index, BigInt(maximum)), /^-22/, `${label}=${maximum}`);
      assert.is(await openRaw(build, model, index, BigInt(maximum) + 1n), bad, `${label}=${maximum} + 1`);
      assert.is(await openRaw(build, model, index, 2n ** 64n - 1n), bad, `${label}=2^64 - 1`);
      if (minimum > 0)
        assert.is(await openRaw(build, model, index, BigInt(minimum - 1)), bad, `${label}=${minimum} - 1`);
      if (parameter.isPowerOfTwo)
        assert.is(await openRaw(build, model, index, BigInt(minimum * 3)), bad, label);
    }
  });
}

models.run();
