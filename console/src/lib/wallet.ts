// Wallets in the browser: found by EIP-6963, asked by EIP-1193. The console never sees a key.

import { Cell } from './cell';

export interface Provider { request(ask: { method: string; params?: unknown[] }): Promise<unknown> }
export interface Wallet { id: string; name: string; provider: Provider }
export const wallets = new Cell<Wallet[]>([]);
/** Most wallets that are listed; a page of extensions must not push the buttons away. */
const WALLETS_MAX = 12;

interface Announced { info?: { uuid?: unknown; name?: unknown }; provider?: Provider }

function add(wallet: Wallet): void {
  const known = wallets.get();
  if (known.length < WALLETS_MAX && !known.some((one) => one.id === wallet.id || one.provider === wallet.provider)) wallets.set([...known, wallet]);
}

export function findWallets(): void {
  addEventListener('eip6963:announceProvider', (event) => {
    const detail = (event as CustomEvent<Announced>).detail;
    if (!detail?.provider || typeof detail.provider.request !== 'function') return;
    add({ id: String(detail.info?.uuid ?? 'wallet'), name: String(detail.info?.name ?? 'A wallet'), provider: detail.provider });
  });
  dispatchEvent(new Event('eip6963:requestProvider'));
  // Older wallets do not announce themselves.
  const old = (globalThis as { ethereum?: Provider }).ethereum;
  if (old && typeof old.request === 'function') setTimeout(() => { if (!wallets.get().length) add({ id: 'injected', name: 'The browser’s wallet', provider: old }); }, 200);
}

/** Why a wallet did not do it, in words with a way out. */
export class WalletProblem extends Error {
  constructor(message: string, readonly remedy: string) { super(message); }
}

function explain(error: unknown): WalletProblem {
  if (error instanceof WalletProblem) return error;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code === 4001) return new WalletProblem('you declined it in the wallet', 'nothing was signed or sent; you can try again');
  if (code === -32002) return new WalletProblem('the wallet is waiting for you', 'open it: a request is pending there');
  if (code === 4100) return new WalletProblem('the wallet does not let this page use that account', 'connect the account in the wallet, then try again');
  return new WalletProblem(`the wallet says: ${typeof message === 'string' ? message : String(error)}`, 'nothing was sent; look into the wallet and try again');
}

async function ask<Answer>(wallet: Wallet, method: string, params: unknown[] = []): Promise<Answer> {
  try {
    return (await wallet.provider.request({ method, params })) as Answer;
  } catch (error) { throw explain(error); }
}

const isAddress = (value: unknown): value is string => typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value);
const isSignature = (value: unknown): value is string => typeof value === 'string' && /^0x(?:[0-9a-fA-F]{2})+$/.test(value);

export async function account(wallet: Wallet): Promise<string> {
  const accounts = await ask<unknown>(wallet, 'eth_requestAccounts');
  const first: unknown = Array.isArray(accounts) ? accounts[0] : null;
  if (!isAddress(first)) throw new WalletProblem('the wallet named no account', 'unlock it and choose an account');
  return first;
}

function signed(value: unknown): string {
  if (!isSignature(value)) throw new WalletProblem('the wallet answered with no signature', 'nothing was sent; try again or use another wallet');
  return value;
}

const hexOf = (text: string): string => `0x${[...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;

/** ERC-191 over the text, given as bytes: some wallets read a text that looks like hexadecimal as bytes. */
export const signText = async (wallet: Wallet, who: string, text: string): Promise<string> =>
  signed(await ask(wallet, 'personal_sign', [hexOf(text), who]));

/** EIP-712. Wallets refuse another chain than the one they are on, so it is asked to change first where it can. */
export async function signTyped(wallet: Wallet, who: string, data: { domain: Record<string, unknown> } & object): Promise<string> {
  const chain = data.domain['chainId'];
  if (chain !== undefined) {
    const wanted = `0x${BigInt(String(chain)).toString(16)}`;
    const current = await ask<unknown>(wallet, 'eth_chainId').catch(() => null);
    if (typeof current === 'string' && BigInt(current) !== BigInt(wanted)) {
      await ask(wallet, 'wallet_switchEthereumChain', [{ chainId: wanted }]).catch((error: unknown) => {
        const why = explain(error);
        throw new WalletProblem(`this is for chain ${String(chain)}, the wallet is on chain ${BigInt(current)}: ${why.message}`, `change the wallet to chain ${String(chain)} (add that network to it where it has none) and sign again`);
      });
    }
  }
  return signed(await ask(wallet, 'eth_signTypedData_v4', [who, JSON.stringify(data)]));
}
