// What each client does in each chapter, ready to be played: rows measured, works given to their clients.
//
// Verbs: planScene, longestOf, clientOf.

import { ConfigError } from '../../errors.ts';
import { LIST_OPS, measureRow, type Row, rowOfList } from './rows.ts';
import type {
  Chapter,
  Entrance,
  MachineWork,
  NameWork,
  Scene,
  SceneClient,
  SyncWork,
  Work,
} from './types.ts';

/** One thing after the other. */
export type Job =
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'sync'; readonly op: SyncWork['op'] }
  | { readonly kind: 'wait'; readonly ns: number }
  | { readonly kind: 'call'; readonly work: NameWork | MachineWork };

/** What an entrance can be asked for, besides lists of these, and wait, dropCaches and sync, which anybody may. */
export const ENTRANCE_OPS: Readonly<Record<Entrance, readonly Work['op'][]>> = {
  aio: ['read', 'write', 'discard', 'fsync', 'fdatasync', 'flush'],
  usrbio: ['read', 'write', 'fsync', 'fdatasync', 'flush'],
  bluestore: ['read', 'write', 'discard', 'fsync', 'fdatasync', 'flush'],
  virtio: ['read', 'write', 'discard', 'writeZeroes', 'fsync', 'fdatasync', 'flush'],
  block: ['read', 'write', 'discard', 'writeZeroes', 'fsync', 'fdatasync', 'flush'],
  files: [
    'read',
    'write',
    'discard',
    'writeZeroes',
    'fsync',
    'fdatasync',
    'flush',
    'create',
    'mkdir',
    'unlink',
    'rename',
    'truncate',
    'fsyncDirectory',
  ],
};

const FOR_ALL: readonly Work['op'][] = ['wait', 'dropCaches', 'sync'];

function jobOf(work: Work, field: string): Job {
  switch (work.op) {
    case 'read':
    case 'write':
    case 'discard':
    case 'writeZeroes':
      return { kind: 'row', row: measureRow(work, field) };
    case 'list':
      return { kind: 'row', row: rowOfList(work) };
    case 'fsync':
    case 'fdatasync':
    case 'flush':
      return { kind: 'sync', op: work.op };
    case 'wait':
      return { kind: 'wait', ns: work.ns };
    default:
      return { kind: 'call', work };
  }
}

/** Index of the client that a work is for. Throws ConfigError for one that is not there or has no such operation. */
export function clientOf(clients: readonly SceneClient[], work: Work, field: string): number {
  const index = work.client === undefined ? 0 : clients.findIndex(({ name }) => name === work.client);
  const client = clients[index];
  if (client === undefined)
    throw new ConfigError(
      `${field}.client`,
      work.client,
      `one of ${clients.map(({ name }) => name).join(', ')}`,
    );
  const known = ENTRANCE_OPS[client.entrance];
  const asked = work.op === 'list' ? work.requests.map(([kind]) => LIST_OPS[kind] ?? 'read') : [work.op];
  const strange = asked.find((op) => !FOR_ALL.includes(op) && !known.includes(op));
  if (strange !== undefined)
    throw new ConfigError(`${field}.op`, strange, `what ${client.entrance} has: ${known.join(', ')}`);
  return index;
}

function planChapter(scene: Scene, chapter: Chapter, at: number): Job[][] {
  const plan = scene.clients.map((): Job[] => []);
  chapter.work.forEach((work, index) => {
    const field = `chapters[${at}].work[${index}]`;
    plan[clientOf(scene.clients, work, field)]?.push(jobOf(work, field));
  });
  return plan;
}

/** Jobs by chapter and client. */
export type Plan = readonly (readonly (readonly Job[])[])[];

/** Bytes of the longest request of a client. */
export function longestOf(plan: Plan, client: number): number {
  const jobs = plan.flatMap((chapter) => chapter[client] ?? []);
  return jobs.reduce((longest, job) => (job.kind === 'row' ? Math.max(longest, job.row.length) : longest), 0);
}

/** Throws ConfigError. */
export function planScene(scene: Scene): Plan {
  return scene.chapters.map((chapter, at) => planChapter(scene, chapter, at));
}
