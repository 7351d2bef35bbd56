// The entrances by name.
//
// Verbs: openPort.

import { ConfigError } from '../../../errors.ts';
import type { Entrance } from '../types.ts';
import { AioPort } from './aio.ts';
import type { Port, PortPlace } from './port.ts';

const PORTS: Partial<Record<Entrance, new (place: PortPlace) => Port>> = {
  aio: AioPort,
};

/** Throws ConfigError or StorageError for a client that can not be opened. */
export function openPort(place: PortPlace): Port {
  const { entrance } = place.client;
  const kind = PORTS[entrance];
  if (kind === undefined)
    throw new ConfigError('entrance', entrance, `one of ${Object.keys(PORTS).join(', ')}`);
  return new kind(place);
}
