// The page: it mounts the shell, and opens the scene that the link names, or the first.
//
// The state that a test or a reader's tool may want stands on <main>: data-state, data-scene, data-step, data-step-count, data-record-hash.

import { render } from 'preact';
import { keepAddress } from './share/address.ts';
import { Shell } from './shell/shell.tsx';

const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no element "app"');
render(<Shell />, root);
void keepAddress();
