// Signing with a wallet: first in plain words what is signed, then every field, then the hashes; only then the button.

import { useEffect, useState } from 'preact/hooks';
import type { TypedData } from '../../api/types';
import { useCell } from '../../lib/cell';
import { hashes, meaning } from '../../lib/typed';
import { account, signTyped, wallets, type Wallet } from '../../lib/wallet';
import { Answer, useAct } from '../../ui/act';
import { Countdown, Hex, T } from '../../ui/basics';
import { Dialog } from '../../ui/dialog';

export function WalletChoice({ chosen, choose }: { chosen: string; choose: (id: string) => void }) {
  const all = useCell(wallets);
  if (all.length === 0) {
    return <div class="notice info"><p><strong>No wallet was found in this browser.</strong> Open this page in a browser that has one, or sign with <code>portcullis approve</code> on a machine that does.</p></div>;
  }
  return (
    <fieldset class="wallets"><legend>Wallet</legend>
      {all.map((wallet) => <label key={wallet.id}><input type="radio" name="wallet" value={wallet.id} checked={chosen === wallet.id} onChange={() => choose(wallet.id)} /> <T s={wallet.name} max={40} /></label>)}
    </fieldset>
  );
}

export function useWallet(): { wallet: Wallet | undefined; chosen: string; choose: (id: string) => void } {
  const all = useCell(wallets);
  const [chosen, choose] = useState('');
  const wallet = all.find(({ id }) => id === chosen) ?? all[0];
  return { wallet, chosen: wallet?.id ?? '', choose };
}

export function SignDialog({ title, data, expected, guardians, onClose, onSigned }: {
  title: string; data: TypedData; expected: Record<string, string>; guardians?: string[]; onClose: () => void; onSigned: (signature: string, account: string) => Promise<string>;
}) {
  const said = meaning(data, expected);
  const { wallet, chosen, choose } = useWallet();
  const act = useAct();
  const [isDone, finish] = useState(false);
  const [sums, sum] = useState<Awaited<ReturnType<typeof hashes>> | null | 'failed'>(null);
  useEffect(() => { let isHere = true; hashes(data).then((all) => { if (isHere) sum(all); }, () => { if (isHere) sum('failed'); }); return () => { isHere = false; }; }, [data]);
  const isRefused = said.doubts.length > 0;
  const sign = () => act.run(async () => {
    if (!wallet) throw new Error('no wallet was found');
    const who = await account(wallet);
    if (guardians?.length && !guardians.some((one) => one.toLowerCase() === who.toLowerCase())) {
      throw new Error(`the wallet’s account ${who} is none of those whose signature counts here; change the account in the wallet`);
    }
    const text = await onSigned(await signTyped(wallet, who, data), who);
    finish(true);
    return text;
  });
  return (
    <Dialog title={title} onClose={onClose} isWide>
      {said.sentence && <p class="saylarge"><T s={said.sentence} max={400} /></p>}
      {isRefused && <div class="notice bad"><p><strong>Do not sign this.</strong></p><ul>{said.doubts.map((doubt) => <li key={doubt}><T s={doubt} max={300} /></li>)}</ul><p>Tell the others, and use <code>portcullis approve</code> on a machine that you trust.</p></div>}
      {said.deadline !== null && <p>It counts until its deadline: <Countdown to={said.deadline} over="too late by" /></p>}
      <h3>Exactly this is signed</h3>
      <dl class="pairs fields">
        <div><dt>for</dt><dd><T s={`${String(data.domain['name'] ?? '')}, version ${String(data.domain['version'] ?? '')}, chain ${said.chain ?? 'none'}`} max={200} /></dd></div>
        {said.fields.map(({ name, value }) => <div key={name}><dt><T s={name} max={40} /></dt><dd>{/^0x[0-9a-f]{40,}$/i.test(value) ? <Hex v={value} full /> : <T s={value} max={300} />}{name === 'deadline' && Number(value) > 0 && <span class="dim"> = {new Date(Number(value) * 1_000).toISOString()}</span>}</dd></div>)}
      </dl>
      <details><summary>Hashes, to compare with a hardware wallet</summary>
        {sums === null ? <p class="dim">Working them out …</p> : sums === 'failed' ? <p class="notice warn">They could not be worked out from these data: do not sign them.</p> : (
          <dl class="pairs fields"><div><dt>domain hash</dt><dd><Hex v={sums.domain} full /></dd></div><div><dt>message hash</dt><dd><Hex v={sums.message} full /></dd></div><div><dt>hash that is signed</dt><dd><Hex v={sums.signed} full /></dd></div></dl>
        )}
        <p class="dim">This page computes them from the fields above.</p>
      </details>
      {!isDone && <WalletChoice chosen={chosen} choose={choose} />}
      <p class="dim">It is a signature, not a transaction: it costs nothing, and it counts once, for this request only.</p>
      <Answer said={act.said} />
      <div class="dialogend">
        {isDone ? <button type="button" class="primary" onClick={onClose}>Done</button> : <><button type="button" class="primary" disabled={!wallet || isRefused || sums === 'failed'} aria-busy={act.isBusy} onClick={() => void sign()}>{act.isBusy ? 'Waiting for the wallet …' : 'Sign with the wallet'}</button><button type="button" onClick={onClose}>Cancel</button></>}
      </div>
    </Dialog>
  );
}
