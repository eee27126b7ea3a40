// How an answer is shown while it is on its way, when it could not be had, and when it is old.

import type { ComponentChildren } from 'preact';
import { Refused, downSince } from '../api/client';
import type { Looked } from '../api/use';
import { useCell } from '../lib/cell';
import { sentence } from '../lib/text';
import { Ago, Time } from './basics';

/** Words for "could not look". It says since when, and that this is not the same as "nothing there". */
export function Failed({ what, looked }: { what: string; looked: Pick<Looked<unknown>, 'error' | 'failingSince' | 'at' | 'again'> }) {
  const { error, failingSince, at, again } = looked;
  const cutOff = useCell(downSince);
  if (!error) return null;
  if (error instanceof Refused && error.isSignedOut) {
    return (
      <div class="notice info" role="status">
        <p><strong>Sign in to see {what}.</strong> {sentence(error.problem.message)}</p>
        <p><a class="button" href={`/sign-in?to=${encodeURIComponent(location.pathname + location.search)}`}>Sign in</a></p>
      </div>
    );
  }
  if (error instanceof Refused && error.status === 404 && at === null) {
    return (
      <div class="notice info" role="status">
        <p><strong>Not here: {what}.</strong> {sentence(error.problem.message)}</p>
        {/* The remedy is for whoever asks the API by hand; here a link is one. */}
        {/GET \/api/.test(error.problem.remedy) ? <p><a class="button" href={/case/.test(error.problem.remedy) ? '/cases' : '/'}>{/case/.test(error.problem.remedy) ? 'All cases' : 'Overview'}</a></p> : <p>{sentence(error.problem.remedy)}</p>}
      </div>
    );
  }
  if (error instanceof Refused && error.status === 403) {
    return (
      <div class="notice info" role="status">
        <p><strong>You may not see {what}.</strong> {sentence(error.problem.message)}</p>
        <p>{sentence(error.problem.remedy)}</p>
      </div>
    );
  }
  const isRefused = error instanceof Refused;
  // Where nothing at all can be reached the banner on top says why, once.
  if (cutOff !== null && at !== null) return <p class="notice warn small">Could not look: {what}. What you see is from <Time at={at} />.</p>;
  return (
    <div class="notice warn" role="status">
      <p>
        <strong>Could not look: {what}.</strong> Since <Time at={failingSince} /> (<Ago at={failingSince} />). {' '}
        {at === null ? 'Nothing is known of it, which does not mean that there is nothing.' : <>What you see is from <Time at={at} />.</>}
      </p>
      <p class="dim">{sentence(isRefused ? error.problem.message : error.why)}{isRefused && error.problem.remedy ? ` ${sentence(error.problem.remedy)}` : ''}</p>
      <p><button type="button" onClick={again}>Look again</button></p>
    </div>
  );
}

export function Look<Value>({ what, looked, children }: { what: string; looked: Looked<Value>; children: (value: Value) => ComponentChildren }) {
  return (
    <>
      <Failed what={what} looked={looked} />
      {looked.value !== null ? children(looked.value) : looked.isLoading && !looked.error ? <p class="empty loading" role="status">Looking: {what} …</p> : null}
    </>
  );
}
