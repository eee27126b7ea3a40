// The text of Sign-In with Ethereum (EIP-4361), built here so that what is shown is what is signed.

import { getAddress } from 'viem/utils';
import type { Nonce } from '../api/types';

export function siweMessage(account: string, asked: Nonce, issuedAt: Date): string {
  return [
    `${asked.domain} wants you to sign in with your Ethereum account:`,
    getAddress(account as `0x${string}`),
    '',
    asked.statement,
    '',
    `URI: ${asked.uri}`,
    'Version: 1',
    `Chain ID: ${asked.chainId}`,
    `Nonce: ${asked.nonce}`,
    `Issued At: ${asked.issuedAt ?? issuedAt.toISOString()}`,
    `Expiration Time: ${new Date(asked.expiresAt).toISOString()}`,
  ].join('\n');
}

/** A page served from elsewhere could pass on the program's challenge; the text would then name the wrong place. */
export const isOurs = (asked: Nonce, origin: { host: string; origin: string }): boolean =>
  asked.domain === origin.host && new URL(asked.uri).origin === origin.origin;
