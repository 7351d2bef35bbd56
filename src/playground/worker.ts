// The worker: the module runs here, away from the page, so that drawing and stepping never wait for each other.
//
// It compiles core.wasm, which lies beside it, once, and gives every command to the session.

import { Machine } from '../browser.ts';
import type { Command, Report } from './protocol.ts';
import { FIRST_SCENE } from './scene.ts';
import { Session } from './session.ts';

let compiled: Promise<WebAssembly.Module> | undefined;

async function compile(): Promise<WebAssembly.Module> {
  const url = new URL('./core.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the core module could not be fetched: ${response.status} ${url}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

async function open() {
  compiled ??= compile();
  return Machine.create(await compiled, FIRST_SCENE.machine);
}

const session = new Session(FIRST_SCENE, open, (report: Report) => self.postMessage(report));

self.addEventListener('message', (event: MessageEvent<Command>) => {
  void session.handle(event.data);
});
