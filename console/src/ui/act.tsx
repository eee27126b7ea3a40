// A button that does something on the server: busy while it runs, and the answer beside it in words.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Refused, Unreachable } from '../api/client';
import { sentence, visible } from '../lib/text';
import { WalletProblem } from '../lib/wallet';
import { announce } from './announce';

export interface Said { isGood: boolean; text: string; remedy: string }

export function explain(error: unknown): Said {
  if (error instanceof Refused) {
    const { message, remedy, allowed } = error.problem;
    return { isGood: false, text: message, remedy: `${remedy ?? ''}${allowed?.length ? ` Allowed now: ${allowed.join(', ')}.` : ''}` };
  }
  if (error instanceof Unreachable) return { isGood: false, text: error.why, remedy: 'It is not known whether it was done: look at the timeline before you do it again.' };
  if (error instanceof WalletProblem) return { isGood: false, text: error.message, remedy: error.remedy };
  return { isGood: false, text: error instanceof Error ? error.message : String(error), remedy: 'Try again.' };
}

export function useAct(): { isBusy: boolean; said: Said | null; run: (what: () => Promise<string | void>) => Promise<boolean>; forget: () => void } {
  const [isBusy, busy] = useState(false);
  const [said, say] = useState<Said | null>(null);
  const isHere = useRef(true);
  const isUnderWay = useRef(false);
  useEffect(() => { isHere.current = true; return () => { isHere.current = false; }; }, []);
  return {
    isBusy, said, forget: () => say(null),
    async run(what) {
      // Two clicks are one order.
      if (isUnderWay.current) return false;
      isUnderWay.current = true;
      busy(true);
      say(null);
      try {
        const text = await what();
        if (text) { announce(text); if (isHere.current) say({ isGood: true, text, remedy: '' }); }
        return true;
      } catch (error) {
        const problem = explain(error);
        announce(`Not done: ${problem.text}`, true);
        if (isHere.current) say(problem);
        return false;
      } finally {
        isUnderWay.current = false;
        if (isHere.current) busy(false);
      }
    },
  };
}

export function Answer({ said }: { said: Said | null }) {
  if (!said) return null;
  return (
    <div class={`answer ${said.isGood ? 'good' : 'bad'}`}>
      <p><strong>{said.isGood ? '✓ ' : '✕ Not done: '}</strong>{visible(said.text)}</p>
      {said.remedy && <p>{sentence(said.remedy)}</p>}
    </div>
  );
}

export function Act({ what, children, kind = '', disabled = false }: { what: () => Promise<string | void>; children: ComponentChildren; kind?: string; disabled?: boolean }) {
  const { isBusy, said, run } = useAct();
  return (
    <>
      <button type="button" class={kind} disabled={disabled} aria-busy={isBusy} onClick={() => void run(what)}>{isBusy ? 'Working …' : children}</button>
      <Answer said={said} />
    </>
  );
}
