// Sign-In with Ethereum (EIP-4361): the text that is signed is shown before the wallet is asked.

import { useEffect, useState } from 'preact/hooks';
import { loadSession, send, session } from '../api/client';
import { retryStream } from '../api/stream';
import type { Nonce, Session } from '../api/types';
import { useCell } from '../lib/cell';
import { go, place } from '../lib/router';
import { isOurs, siweMessage } from '../lib/siwe';
import { words } from '../lib/text';
import { now } from '../lib/time';
import { account, signText, type Wallet } from '../lib/wallet';
import { Answer, useAct } from '../ui/act';
import { Card, Countdown, Mark, T } from '../ui/basics';
import { WalletChoice, useWallet } from './case/signing';

const ACCESS: Record<string, string> = {
  viewer: 'You can look.', responder: 'You can speak in a case, do steps of playbooks, write notes and add evidence.',
  commander: 'You can also declare and close cases, start and stop playbooks, and speak in public.', admin: 'You can do everything, also end sessions and make back-ups.',
};

/** Only places in this page: an address from outside must not lead away after signing in. */
export const safePath = (to: string | null): string => (to && /^\/(?!\/)[\x21-\x7e]*$/.test(to) && !to.includes('\\') && !to.startsWith('/api') ? to : '/');

interface Ready { wallet: Wallet; who: string; text: string; isOurs: boolean; domain: string; expiresAt: number }

export function SignInPage() {
  const who = useCell(session);
  const { query } = useCell(place);
  const { wallet, chosen, choose } = useWallet();
  const [ready, prepare] = useState<Ready | null>(null);
  const act = useAct();
  if (who?.signedIn) {
    return (
      <>
        <h1>You</h1>
        <Card title={<T s={who.name} max={60} />} id="you" tone="good">
          <p><Mark tone="good">signed in</Mark> as {who.access ? words(who.access).toLowerCase() : 'nobody in particular'}. {ACCESS[who.access ?? ''] ?? ''}</p>
          {who.roles.length > 0 && <p>Roles: {who.roles.map(words).join(', ')}</p>}
          {who.expiresAt !== null && <p>Until you have to sign in again: <Countdown to={who.expiresAt} over="over since" isOwn /></p>}
          <p>Whatever you may do here, levers that need a signature need your wallet each time.</p>
        </Card>
        <p><a class="button primary" href={safePath(query.get('to'))}>Go on</a></p>
      </>
    );
  }
  const begin = () => act.run(async () => {
    if (!wallet) throw new Error('no wallet was found');
    const address = await account(wallet);
    const asked = await send<Nonce>('POST', '/session/nonce', {});
    prepare({ wallet, who: address, text: siweMessage(address, asked, new Date(now())), isOurs: isOurs(asked, location), domain: asked.domain, expiresAt: asked.expiresAt });
  });
  const finish = (one: Ready) => act.run(async () => {
    const signature = await signText(one.wallet, one.who, one.text);
    session.set(await send<Session>('POST', '/session', { message: one.text, signature }));
    await loadSession();
    retryStream();
    go(safePath(query.get('to')));
    return 'Signed in.';
  });
  return (
    <>
      <h1>Sign in</h1>
      <p class="lead">With the wallet whose address stands beside your name in the roster. There is no password, and nothing is sent to a chain.</p>
      {!ready && <Card title="Your wallet" id="wallet"><WalletChoice chosen={chosen} choose={choose} />{wallet && <p><button type="button" class="primary" aria-busy={act.isBusy} onClick={() => void begin()}>{act.isBusy ? 'Waiting for the wallet …' : 'Go on'}</button></p>}</Card>}
      {ready && (
        <Card title="This is what you sign" id="text" tone={ready.isOurs ? 'info' : 'bad'}>
          {!ready.isOurs && <div class="notice bad"><p><strong>Do not sign this.</strong> It is for <T s={ready.domain} max={80} />, and this page is {location.host}. Either somebody is between you and the program, or <code>console.origin</code> in portcullis.yaml is not the address that you opened.</p></div>}
          <pre tabIndex={0}><T s={ready.text} max={2_000} lines /></pre>
          <p>It counts once: <Countdown to={ready.expiresAt} over="too late by" isOwn /></p>
          <p class="row"><button type="button" class="primary" aria-busy={act.isBusy} disabled={!ready.isOurs} onClick={() => void finish(ready)}>{act.isBusy ? 'Waiting for the wallet …' : 'Sign with the wallet'}</button><button type="button" onClick={() => { prepare(null); act.forget(); }}>Back</button></p>
        </Card>
      )}
      <Answer said={act.said} />
      {!ready && <Token to={query.get('to')} />}
    </>
  );
}

/** For machines without a wallet: a token from the configuration. It is sent once and kept nowhere. */
function Token({ to }: { to: string | null }) {
  const [token, write] = useState('');
  const act = useAct();
  const signIn = (given: string) => {
    void act.run(async () => {
      session.set(await send<Session>('POST', '/session', { token: given }));
      await loadSession();
      retryStream();
      go(safePath(to));
      return 'Signed in.';
    });
  };
  // The link that a terminal prints holds the token behind `#`, which no server sees; it is taken out of the address.
  useEffect(() => {
    const given = /^#token=([\x21-\x7e]{8,200})$/.exec(location.hash)?.[1];
    if (!given) return;
    history.replaceState(null, '', location.pathname + location.search);
    signIn(decodeURIComponent(given));
  }, []);
  return (
    <details open={act.isBusy || act.said !== null}><summary>With a token instead</summary>
      <form class="quick" onSubmit={(event) => { event.preventDefault(); signIn(token.trim()); }}>
        <label for="token">A token that stands under <code>console.tokens</code></label>
        <input id="token" type="password" autoComplete="off" value={token} onInput={(event) => write(event.currentTarget.value)} />
        <button type="submit" aria-busy={act.isBusy} disabled={!token.trim()}>Sign in</button>
        <p class="dim">Levers that need a signature need a wallet all the same.</p>
        <Answer said={act.said} />
      </form>
    </details>
  );
}
