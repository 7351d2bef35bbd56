// Scenes of what the gallery has none of: requests that take in others, a guest whose requests fail, a machine in which no time passes.

import type { Scene, SceneClient, SceneMachine, Work } from '../../../../src/playground/scene/types.ts';

const PAGE = 4096;

function scene(id: string, machine: SceneMachine, client: SceneClient, work: readonly Work[]): Scene {
  return {
    id,
    title: id,
    question: '',
    intro: '',
    group: 'yours',
    machine,
    clients: [client],
    chapters: [{ title: id, text: '', work, notes: [] }],
  };
}

const writesAt = (...pages: number[]): Work => ({
  op: 'list',
  requests: pages.map((page) => [1, page * PAGE, PAGE] as const),
});

/** A lot enters as two requests, of which the second has two pieces and continues the first: where they wait they become one. */
export const COALESCED: Scene = scene(
  'coalesced',
  { drives: [{ size: '4MiB', latencyNs: 100_000, queueDepth: 1, scheduler: 'deadline', volatileWrites: 8 }] },
  { name: 'app', entrance: 'block', depth: 32, batch: 3 },
  [writesAt(100, 200, 300, 0, 2, 1, 10, 12, 11), { op: 'flush' }, writesAt(20, 40, 60)],
);

/** The second of its writes fails, and so does the first of its reads. */
export const FAILING_GUEST: Scene = scene(
  'failing-guest',
  {
    drives: [
      {
        size: '4MiB',
        latencyNs: 50_000,
        faults: [
          { effect: 'eio', on: ['write'], nth: 2 },
          { effect: 'eio', on: ['read'], nth: 1 },
        ],
      },
    ],
  },
  { name: 'guest', entrance: 'virtio', depth: 4, batch: 1 },
  [
    { op: 'write', offset: 0, length: '8KiB', count: 4, pattern: 'stride', stride: '32KiB' },
    { op: 'flush' },
    { op: 'discard', offset: 0, length: '1MiB' },
    { op: 'read', offset: 0, length: '8KiB', count: 3, pattern: 'stride', stride: '32KiB' },
  ],
);

/** Every request ends at once. */
export const NO_TIME: Scene = scene(
  'no-time',
  { drives: [{ size: '4MiB', model: 'instant' }] },
  { name: 'app', entrance: 'aio', direct: true },
  [{ op: 'write', offset: 0, length: PAGE, count: 8 }],
);
