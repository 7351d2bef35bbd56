// A small scene for each entrance, and one in which all of them work beside each other.

import type {
  Chapter,
  Scene,
  SceneClient,
  SceneMachine,
  Work,
} from '../../../../src/playground/scene/types.ts';

const MACHINE: SceneMachine = {
  seed: 3,
  cache: '256KiB',
  buffers: '1MiB',
  sharedMemory: '1MiB',
  volume: { drive: 1 },
  files: [{ name: 'log', drive: 2, capacity: '256KiB', size: '256KiB' }],
  drives: [
    { size: '4MiB', latencyNs: 20_000, channels: 4 },
    { size: '4MiB', latencyNs: 30_000 },
    { size: '4MiB', model: 'nvme' },
  ],
};

const CLIENTS: Readonly<Record<SceneClient['entrance'], SceneClient>> = {
  aio: { name: 'aio', entrance: 'aio' },
  usrbio: { name: 'usrbio', entrance: 'usrbio', target: 'log', depth: 8, batch: 4, ioDepth: 2 },
  bluestore: { name: 'bluestore', entrance: 'bluestore', target: 'drive2', depth: 8, batch: 4 },
  virtio: { name: 'guest', entrance: 'virtio', target: 'drive0', depth: 16, batch: 8 },
  block: { name: 'block', entrance: 'block', target: 'drive0', depth: 4 },
  files: { name: 'files', entrance: 'files', target: '/notes', depth: 4 },
};

/** What every client does: some writes, a sync, some reads. Below `MiB` on their drives, each in its own range. */
function work(client: SceneClient, offset: string | number): Work[] {
  const { name } = client;
  return [
    { client: name, op: 'write', offset, length: '4KiB', count: 12 },
    { client: name, op: 'fsync' },
    { client: name, op: 'read', offset, length: '4KiB', count: 12, pattern: 'random' },
  ];
}

const NAMES: readonly Work[] = [
  { client: 'files', op: 'mkdir', path: '/old' },
  { client: 'files', op: 'create', path: '/old/first' },
  { client: 'files', op: 'rename', path: '/notes', to: '/old/notes' },
  { client: 'files', op: 'fsyncDirectory', path: '/old' },
  { client: 'files', op: 'truncate', path: '/old/first', size: '8KiB' },
  { client: 'files', op: 'unlink', path: '/old/first' },
];

const chapter = (title: string, all: readonly Work[]): Chapter => ({ title, text: '', work: all, notes: [] });

function scene(id: string, clients: readonly SceneClient[], chapters: readonly Chapter[]): Scene {
  return { id, title: id, question: '', intro: '', group: 'rings', machine: MACHINE, clients, chapters };
}

const OFFSETS = { aio: '2MiB', usrbio: 0, bluestore: '1MiB', virtio: 0, block: '3MiB', files: 0 } as const;

/** One scene an entrance. */
export const ENTRANCE_SCENES: readonly Scene[] = Object.values(CLIENTS).map((client) =>
  scene(
    client.entrance,
    [client],
    [
      chapter('Writes and reads', work(client, OFFSETS[client.entrance])),
      chapter('More', [
        ...work(client, OFFSETS[client.entrance]),
        ...(client.entrance === 'files' ? NAMES : []),
      ]),
    ],
  ),
);

/** All clients at once, with a wait and calls for the whole machine. */
export const TOGETHER: Scene = scene('together', Object.values(CLIENTS), [
  chapter(
    'All at once',
    Object.values(CLIENTS).flatMap((client) => work(client, OFFSETS[client.entrance])),
  ),
  chapter('Later', [
    { client: 'aio', op: 'write', offset: '2MiB', length: 700, count: 5, pattern: 'stride', stride: 5000 },
    { client: 'aio', op: 'wait', ns: 40e9 },
    { client: 'aio', op: 'dropCaches' },
    { client: 'block', op: 'discard', offset: '3MiB', length: '8KiB' },
    { client: 'guest', op: 'writeZeroes', offset: 0, length: '8KiB' },
    { client: 'bluestore', op: 'discard', offset: '1MiB', length: '8KiB' },
    { client: 'files', op: 'writeZeroes', offset: 0, length: '4KiB' },
    ...NAMES,
    { client: 'aio', op: 'sync' },
  ]),
]);
