// The entrances by name.
//
// Verbs: openPort.

import type { Entrance } from '../types.ts';
import { AioPort } from './aio.ts';
import { BlockPort } from './block.ts';
import { BluestorePort } from './bluestore.ts';
import { FilesPort } from './files.ts';
import type { Port, PortPlace } from './port.ts';
import { UsrbioPort } from './usrbio.ts';
import { VirtioPort } from './virtio.ts';

const PORTS: Readonly<Record<Entrance, new (place: PortPlace) => Port>> = {
  aio: AioPort,
  usrbio: UsrbioPort,
  bluestore: BluestorePort,
  virtio: VirtioPort,
  block: BlockPort,
  files: FilesPort,
};

/** Throws ConfigError or StorageError for a client that can not be opened. */
export function openPort(place: PortPlace): Port {
  return new PORTS[place.client.entrance](place);
}
