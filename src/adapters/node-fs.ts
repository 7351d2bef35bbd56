// A machine's volume in the shape of node:fs, for code that takes an `fs`.
//
// Verbs: nodeFs. The synchronous calls are written once; their callback and promise forms are made from them. Errors carry
// Node's codes and messages.
//
// What the volume does not have: symbolic links (symlink EPERM, readlink EINVAL), permissions (kept, not checked), watching
// (ENOSYS).

import type * as node from 'node:fs';
import type { Machine } from '../machine.ts';
import { toOptions, toPath } from './node-fs/arguments.ts';
import { attributeCalls } from './node-fs/attribute-calls.ts';
import { constants } from './node-fs/constants.ts';
import { Context } from './node-fs/context.ts';
import { descriptorCalls } from './node-fs/descriptor-calls.ts';
import { Dir } from './node-fs/dir.ts';
import { asNode, ENOSYS, ENOTDIR, errnoError } from './node-fs/errors.ts';
import type { HandleCalls } from './node-fs/file-handle.ts';
import { type Call, callbackForms } from './node-fs/forms.ts';
import { nameCalls } from './node-fs/name-calls.ts';
import { promiseCalls } from './node-fs/promise-calls.ts';
import { Dirent, Stats } from './node-fs/stats.ts';
import { streamCalls } from './node-fs/streams.ts';
import { wholeCalls } from './node-fs/whole-calls.ts';

/** What of node:fs is missing: lchmod, which only macOS has, openAsBlob, and what Node keeps for itself. */
type Missing = 'lchmod' | 'lchmodSync' | 'openAsBlob' | 'promises';

/** The shape of node:fs. */
export type NodeFs = Pick<typeof node, Exclude<keyof typeof node, Missing>> & {
  readonly promises: Omit<typeof node.promises, 'lchmod'>;
};

export interface NodeFsOptions {
  /** Permission bits that new files and directories do not get, 0 to 0o777. Default 0o022. */
  readonly umask?: number;
}

const DEFAULT_UMASK = 0o022;

function watchingCalls() {
  const refuse = (path: unknown): never => {
    throw errnoError(ENOSYS, 'watch', toPath(path));
  };
  return { watch: refuse, watchFile: refuse, unwatchFile: (): void => {} };
}

/**
 * The machine's volume as an `fs`: synchronous, callback and promise forms, streams, Stats and Dirents, with Node's errors
 * and argument checks (those of Node 20). Paths are strings, Buffers or file: URLs, relative ones begin at `/`; descriptors
 * count from 3, and each call of nodeFs has its own. Every call is done when it returns: callbacks and promises only tell it
 * in a later turn of the event loop. Times are the machine's. Throws ConfigError without a volume.
 *
 * @example
 * const machine = await Machine.create({ volume: true });
 * const fs = nodeFs(machine);
 * fs.writeFileSync('/ledger', 'Ada owes 10', { flush: true });
 * fs.appendFileSync('/ledger', ', Bob 20');
 * const before = fs.readFileSync('/ledger', 'utf8');
 * machine.cutPower();
 *
 * const reopened = await Machine.create({ drives: [{ memory: machine.memory() }], volume: true });
 * console.log(before, '|', nodeFs(reopened).readFileSync('/ledger', 'utf8')); // Ada owes 10, Bob 20 | Ada owes 10
 */
export function nodeFs(machine: Machine, options: NodeFsOptions = {}): NodeFs {
  const context = new Context(machine, options.umask ?? DEFAULT_UMASK);
  const parts = { ...descriptorCalls(context), ...attributeCalls(context), ...nameCalls(context) };
  const calls = {
    ...parts,
    ...wholeCalls(context, parts),

    opendirSync(path: unknown, given?: unknown): Dir {
      const name = toPath(path);
      const { encoding, recursive } = toOptions<{ encoding?: string; recursive?: boolean }>(given);
      asNode(
        'opendir',
        () => {
          if (!context.volume.stat(name).isDirectory) throw errnoError(ENOTDIR, 'opendir', name);
        },
        name,
      );
      const entries = parts.readdirSync(name, { encoding, recursive, withFileTypes: true });
      return new Dir(name, entries as Dirent[]);
    },
  };
  const api: Record<string, unknown> = {
    ...calls,
    ...callbackForms(calls as unknown as Record<string, Call>),
    ...watchingCalls(),
    constants,
    F_OK: constants.F_OK,
    R_OK: constants.R_OK,
    W_OK: constants.W_OK,
    X_OK: constants.X_OK,
    Stats,
    Dirent,
    Dir,
  };
  const streams = streamCalls(api);
  Object.assign(api, streams);
  api.promises = promiseCalls(
    calls as unknown as Record<string, Call>,
    { ...calls, ...streams } as unknown as HandleCalls,
  );
  return api as unknown as NodeFs;
}
