// Why Preact (about 5 kB): the pages are lists that change while they are read, which is what a diffing renderer is for,
// and its JSX writes text nodes only, so that no string from the API can become markup. There is no router, store or
// component library beside it; what is needed of those is in lib/ and ui/.

import { render } from 'preact';
import { App } from './app';
import { loadSession } from './api/client';
import { startStream } from './api/stream';
import { startRouter } from './lib/router';
import { startClock } from './lib/time';
import { findWallets } from './lib/wallet';
import { startAnnouncing } from './ui/announce';
import { startSettings } from './ui/shell';
import './style/console.css';

startSettings();
startAnnouncing();
startRouter();
startClock();
findWallets();
const root = document.getElementById('app');
if (root) render(<App />, root);
void loadSession();
startStream();
